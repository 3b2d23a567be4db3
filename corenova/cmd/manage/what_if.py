"""``corenova-manage what-if``: where servers would go now. The API's handler checks, the scheduler's parts decide.

Only what comes after is left out: the handler's request is kept instead of accepted, the decision is shown instead of
claimed. So nothing is written, and nothing can be checked or decided differently than for POST /servers.
"""

import re
from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova import loader, policy
from corenova.api.call import Call
from corenova.api.handlers import server_create
from corenova.api.links import Links
from corenova.api.provision import Created, CreateRequest
from corenova.api.schemas import servers as schemas
from corenova.api.services import ApiServices
from corenova.api.validation import check_body
from corenova.cmd.manage import database, decision_view
from corenova.cmd.manage.output import Output
from corenova.db import flavors, identity, images
from corenova.db.engine import Database
from corenova.exceptions import InvalidInput
from corenova.identity.seed import ADMIN_PROJECT
from corenova.objects.context import RequestContext, new_request_id
from corenova.objects.decision import Decision
from corenova.objects.pci_alias import read_aliases
from corenova.objects.request_spec import ImageMeta, RequestSpec
from corenova.scheduler.decider import resolved
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.manager import build_pipeline
from corenova.scheduler.mirror import Mirror

_VERSION = 96
_UUID = re.compile("[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_NO_IMAGE = "00000000-0000-0000-0000-000000000000"


def run(conf: cfg.ConfigOpts, output: Output) -> int:
    """Decide and show; 0 when all servers have a place, else 1."""
    pipeline = build_pipeline(conf)
    with database.reading(conf) as db:
        spec = _wanted(conf, db)
        spec = resolved(db, spec, pipeline.counted_properties(spec))
        table = HostTable(default_zone=conf.default_availability_zone)
        Mirror(db, table, down_time_s=float(conf.service_down_time)).refresh()
    decisions = pipeline.place(table, spec, conf.noun.count)
    placed = [decision for decision in decisions if decision.host is not None]
    nothing = decisions[-1] if len(placed) < len(decisions) else None
    output.json(
        {
            "count": len(decisions),
            "placed": len(placed),
            "placements": [
                decision_view.described(decision) | {"zone": table.zone(table.index[decision.host])}
                for decision in placed
            ],
            "nothing_fits": nothing and decision_view.described(nothing),
        }
    )
    _show(placed, nothing, len(decisions), table, output)
    return 0 if nothing is None else 1


def _show(placed: Sequence[Decision], nothing: Decision | None, count: int, table: HostTable, output: Output) -> None:
    used = len({decision.host for decision in placed})
    hosts = f"{used} host{'s' if used != 1 else ''}"
    output.line(f"{len(placed)} of {count} would be placed, on {hosts}.")
    if placed:
        output.line()
        weighers = list(placed[0].weights)
        output.table(
            ("server", "host", "zone", *weighers, "alternates"),
            [
                (
                    number, one.host, table.zone(table.index[one.host]), *(one.weights.get(name) for name in weighers),
                    ", ".join(host for host, _ in one.alternates),
                )
                for number, one in enumerate(placed, start=1)
            ],
        )  # fmt: skip
        output.line()
        decision_view.show_stages(placed[0], output)
    if nothing is not None:
        output.line()
        decision_view.show(nothing, output)


class _Listener:
    """In the place of the Provisioner: takes the checked request and accepts nothing."""

    spec: RequestSpec

    def create(self, context: RequestContext, request: CreateRequest) -> Created:
        """Keep what would be accepted."""
        number = request.max_count
        self.spec = msgspec.structs.replace(request.spec, num_instances=number) if number > 1 else request.spec
        return Created([_NO_IMAGE], "")


def _wanted(conf: cfg.ConfigOpts, db: Database) -> RequestSpec:
    """Return what POST /servers would accept.

    :raises InvalidInput, OverQuota: what it would refuse, in one line.
    """
    asked = conf.noun
    project = db.read(lambda connection: _project(connection, asked.project or ADMIN_PROJECT))
    store, listener = loader.load_one(conf, loader.IMAGE_BACKENDS, conf.image.backend).object, _Listener()
    store.start(db, conf)

    def find_image(image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
        if image_id == _NO_IMAGE:
            return ImageMeta(id=_NO_IMAGE, name="")
        return store.find_image(image_id, project_id, is_admin=is_admin)

    services = ApiServices(
        conf=conf,
        db=db,
        enforcer=policy.build_enforcer(conf),
        validate_token=lambda _: None,
        find_image=find_image,
        provisioner=listener,
        instance_actions=None,
        backends=None,  # a request without networks needs none
        compute=None,
        tell_firewalls=None,
        pci_aliases=read_aliases(conf.pci.alias),
    )
    body = db.read(lambda connection: _body(connection, asked, project))
    check_body(schemas.create, _VERSION, body)
    context = RequestContext(
        request_id=new_request_id(), user_id="what-if", project_id=project, roles=("admin", "member", "reader")
    )
    server_create.create(Call(services, context, version=_VERSION, links=Links(""), query={}, body=body))
    return listener.spec if asked.image_name else msgspec.structs.replace(listener.spec, image=None)


def _body(connection: sa.Connection, asked: object, project: str) -> dict[str, object]:
    server = {
        "name": "what-if",
        "flavorRef": _one_of(flavors.list_flavors(connection), asked.flavor, lambda flavor: flavor.flavorid),
        "imageRef": _image(connection, asked.image_name, project) if asked.image_name else _NO_IMAGE,
        "networks": "none",
        "min_count": asked.count,
        "max_count": asked.count,
    }
    if asked.zone:
        server["availability_zone"] = asked.zone
    hints = _hints(asked.hint)
    return {"server": server} | ({"os:scheduler_hints": hints} if hints else {})


def _image(connection: sa.Connection, text: str, project: str) -> str:
    named = images.ImageQuery(project_id=project, is_admin=True, visibility="all", one_of={"name": (text,)})
    image_id = _one_of(images.page(connection, named), text, lambda image: image.uuid)
    if not _UUID.fullmatch(image_id):
        raise InvalidInput(f"There is no image {text}.")
    return image_id


def _one_of(found: Sequence, text: str, id_of: Callable[[object], str]) -> str:
    """Return the id that ``text`` is, or that the only thing of this name has; what is unknown the API refuses."""
    named = [id_of(one) for one in found if one.name == text]
    if text in (id_of(one) for one in found) or not named:
        return text
    if len(named) > 1:
        raise InvalidInput(f"{len(named)} are called {text}; name one by its id: {', '.join(named)}.")
    return named[0]


def _project(connection: sa.Connection, text: str) -> str:
    """Return the id of a project; where no project is known (identity is elsewhere) every text is one."""
    known = identity.find(connection, identity.Project)
    project_id = _one_of(known, text, lambda project: project.id)
    if known and project_id not in (project.id for project in known):
        raise InvalidInput(f"There is no project {text}.")
    return project_id


def _hints(pairs: Sequence[str]) -> dict[str, object]:
    hints: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise InvalidInput(f"--hint {pair}: write key=value, such as group=UUID.")
        before = hints.get(name)
        hints[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return hints
