"""Five verbs that all nouns of the network API have alike; what is special about one is a :class:`Noun`."""

import urllib.parse
from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from corenova.db.pages import page
from corenova.exceptions import InvalidInput
from corenova.network import errors, requests
from corenova.network.call import Act, Call
from corenova.network.listing import Filter, Page, Query, equal, understand
from corenova.objects.context import RequestContext

_MOST_AT_ONCE = 100
# A body that asks for what it would get anyway needs no leave.
_DEFAULTS = {"shared": False, "router:external": False, "port_security_enabled": True, "device_owner": ""}


class Noun(msgspec.Struct, frozen=True, kw_only=True):
    """What is special about one noun.

    :param kind: Neutron's word in the types of errors.
    :param columns: attributes of views that a list can be filtered and sorted by, and their columns.
    :param filters: filters beside those of ``columns``.
    :param visible: returns the condition for what a caller sees; everything else is not found.
    :param views: returns how rows are shown.
    :param create: makes one thing, for whom the body says, and returns its uuid. ``update``: None when nothing can be.
    :param owner_of_network: returns the project that owns the network of a body or row, for rules of attributes.
    :param prepare: called before a list is read, for what is made when it is first looked at.
    """

    singular: str
    kind: str
    table: sa.Table
    columns: Mapping[str, str]
    visible: Callable[[RequestContext], sa.ColumnElement[bool]]
    views: Callable[[Act, Sequence[sa.Row]], list[dict[str, object]]]
    new: type[msgspec.Struct]
    create: Callable[[Act, msgspec.Struct], str]
    delete: Callable[[Act, sa.Row], None]
    change: type[msgspec.Struct] | None = None
    update: Callable[[Act, sa.Row, msgspec.Struct], None] | None = None
    filters: Mapping[str, Filter] = {}
    owner_of_network: Callable[[Act, object], str] | None = None
    prepare: Callable[[Call], None] | None = None

    @property
    def plural(self) -> str:
        """The word for lists."""
        return f"{self.singular}s"

    @property
    def path(self) -> str:
        """The word in paths."""
        return self.plural.replace("_", "-")

    def lists(self, call: Call) -> dict[str, object]:
        """GET /<plural>."""
        if self.prepare:
            self.prepare(call)

        def work(act: Act) -> tuple[Page, list[sa.Row], list[dict[str, object]]]:
            act.authorize(f"get_{self.singular}")
            columns = {name: column for name, column in self.columns.items() if act.sees(self._seeing(name))}
            filters = {name: equal(name, self.table.c[column]) for name, column in columns.items()}
            asked = understand(call.query, {**filters, **self.filters}, columns, call.service.max_limit)
            rows = page(
                act.connection,
                self.table,
                [self.visible(call.context), *asked.conditions],
                sort=asked.sort,
                marker=asked.marker,
                limit=asked.limit,
                reverse=asked.reverse,
            )
            return asked, rows, self._shown(act, rows, call.query)

        asked, rows, shown = call.read(work)
        return {self.plural: shown, **_links(call, self, asked, rows)}

    def shows(self, call: Call) -> dict[str, object]:
        """GET /<plural>/ID."""

        def work(act: Act) -> dict[str, object]:
            row = self._row(act, call.params["id"])
            act.authorize(f"get_{self.singular}")
            return self._shown(act, [row], call.query)[0]

        return {self.singular: call.read(work)}

    def creates(self, call: Call) -> dict[str, object]:
        """POST /<plural>: one, or a list of them, all or none."""
        given, is_many = requests.read(call.body, self.singular, self.plural)
        if len(given) > _MOST_AT_ONCE:
            raise InvalidInput(f"A request makes at most {_MOST_AT_ONCE} things.")
        asked = [(one, requests.typed(one, self.new)) for one in given]

        def work(act: Act) -> list[dict[str, object]]:
            uuids = []
            for one, body in asked:
                self._admit(act, "create", one, body, act.owner(body))
                uuids.append(self.create(act, body))
            return self._shown(act, [self._row(act, uuid, is_new=True) for uuid in uuids], {})

        made = call.write(f"create_{self.singular}", work)
        return {self.plural: made} if is_many else {self.singular: made[0]}

    def updates(self, call: Call) -> dict[str, object]:
        """PUT /<plural>/ID."""
        [given], _ = requests.read(call.body, self.singular, self.singular)
        body = requests.typed(given, self.change)

        def work(act: Act) -> dict[str, object]:
            row = self._row(act, call.params["id"])
            self._admit(act, "update", given, row, row.project_id)
            self.update(act, row, body)
            return self._shown(act, [self._row(act, row.uuid)], {})[0]

        return {self.singular: call.write(f"update_{self.singular}", work)}

    def deletes(self, call: Call) -> None:
        """DELETE /<plural>/ID."""

        def work(act: Act) -> None:
            row = self._row(act, call.params["id"])
            act.authorize(f"delete_{self.singular}", project_id=row.project_id)
            self.delete(act, row)

        call.write(f"delete_{self.singular}", work)

    def _admit(self, act: Act, verb: str, given: dict, about: object, project_id: str) -> None:
        rule = f"{verb}_{self.singular}"
        act.authorize(rule, project_id=project_id)
        guarded = [name for name in given if f"{rule}:{name}" in act.service.enforcer.registered]
        for name in guarded:
            if verb == "create" and given[name] in (None, _DEFAULTS.get(name)):
                continue
            network_owner = self.owner_of_network(act, about) if self.owner_of_network else project_id
            act.authorize(f"{rule}:{name}", project_id=project_id, network_project_id=network_owner)

    def _row(self, act: Act, uuid: str, *, is_new: bool = False) -> sa.Row:
        wanted = [self.table.c.uuid == uuid] + ([] if is_new else [self.visible(act.context)])
        row = act.connection.execute(sa.select(self.table).where(*wanted)).first()
        if row is None:
            raise errors.not_found(self.kind, uuid)
        return row

    def _seeing(self, attribute: str) -> str:
        return f"get_{self.singular}:{attribute}"

    def _shown(self, act: Act, rows: Sequence[sa.Row], query: Query) -> list[dict[str, object]]:
        fields = {name for value in query.get("fields", ()) for name in value.split(",") if name}
        views = self.views(act, rows) if rows else []
        hidden = {name for name in (views[0] if views else ()) if not act.sees(self._seeing(name))}
        return [
            {name: value for name, value in view.items() if name not in hidden and (not fields or name in fields)}
            for view in views
        ]


def _links(call: Call, noun: Noun, asked: Page, rows: Sequence[sa.Row]) -> dict[str, object]:
    """The links to the pages beside this one, when it is a page."""
    if asked.limit is None or not rows:
        return {}
    kept = [(name, value) for name, values in call.query.items() for value in values]
    kept = [(name, value) for name, value in kept if name not in ("marker", "page_reverse")]

    def link(relation: str, marker: str, *more: tuple[str, str]) -> dict[str, str]:
        query = urllib.parse.urlencode([*kept, ("marker", marker), *more])
        return {"rel": relation, "href": f"{call.url}/v2.0/{noun.path}?{query}"}

    found = []
    if asked.reverse or len(rows) == asked.limit:
        found.append(link("next", rows[-1].uuid))
    if asked.marker and (not asked.reverse or len(rows) == asked.limit):
        found.append(link("previous", rows[0].uuid, ("page_reverse", "True")))
    return {f"{noun.plural}_links": found} if found else {}
