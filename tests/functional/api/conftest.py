"""The compute API over a real database, with nobody behind it: requests are accepted, rows are moved by the test."""

import uuid
from collections.abc import Callable, Iterator

import msgspec
import pytest
import sqlalchemy as sa
from falcon import testing
from oslo_config import cfg

import corenova.conf
from corenova.api.app import build_app
from corenova.api.instance_actions import InstanceActions
from corenova.api.provision import Provisioner
from corenova.api.services import ApiServices
from corenova.contracts.backends import Backends
from corenova.contracts.driver import Abilities
from corenova.db import flavors, hosts, schema, services
from corenova.db.engine import Database
from corenova.events import Events
from corenova.exceptions import InvalidInput, NotFound
from corenova.hooks import Hooks
from corenova.hooks.listener import Limits
from corenova.image.store import EmbeddedImages
from corenova.network.backend import EmbeddedNetwork
from corenova.objects.context import RequestContext
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.request_spec import Flavor, ImageMeta
from corenova.policy import build_enforcer

IMAGE = "aaaaaaaa-0000-4000-8000-000000000001"
BIG_IMAGE = "aaaaaaaa-0000-4000-8000-000000000002"
QUEUED_IMAGE = "aaaaaaaa-0000-4000-8000-000000000003"
_IMAGES = {
    IMAGE: ImageMeta(id=IMAGE, name="cirros", size=1024),
    BIG_IMAGE: ImageMeta(id=BIG_IMAGE, name="big", min_ram=4096, min_disk=50),
}


class NobodyListens:
    """Stands for the bus: whatever is told is forgotten."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class FakeProcesses:
    def describe(self) -> list[dict[str, object]]:
        return [{"name": "corenova-all", "threads": 3}]


def _find_image(image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
    if image_id == QUEUED_IMAGE:
        raise InvalidInput(f"Image {image_id} is not active.")
    try:
        return _IMAGES[image_id]
    except KeyError:
        raise NotFound(f"Image {image_id} could not be found.") from None


def _context(user: str, project: str, *roles: str) -> RequestContext:
    return RequestContext(request_id="", user_id=user, project_id=project, roles=roles)


TOKENS = {
    "admin": _context("root", "p-admin", "admin", "manager", "member", "reader"),
    "member": _context("ann", "p-one", "member", "reader"),
    "reader": _context("rob", "p-one", "reader"),
    "stranger": _context("eve", "p-two", "member", "reader"),
    "unscoped": _context("ann", ""),
}


class Cloud:
    """A client with a token and a microversion, and the database behind the API."""

    def __init__(self, db: Database, conf: cfg.ConfigOpts):
        self.db = db
        self.conf = conf
        self.hooks = Hooks(limits=Limits(veto_timeout_s=30))
        events = Events(self.hooks)
        backends = Backends(images=EmbeddedImages(), networks=EmbeddedNetwork())
        for backend in backends:
            backend.start(db, conf)
        self.services = ApiServices(
            conf=conf,
            db=db,
            enforcer=build_enforcer(conf),
            validate_token=TOKENS.get,
            find_image=_find_image,
            provisioner=Provisioner(conf, db, NobodyListens(), events, backends),
            instance_actions=InstanceActions(
                conf, db, events, backends, compute=NobodyListens(), conductor=NobodyListens()
            ),
            backends=backends,
            compute=NobodyListens(),
            tell_firewalls=lambda uuids: None,
            processes=FakeProcesses(),
            hooks=self.hooks,
        )
        self.app = build_app(self.services)
        self._client = testing.TestClient(self.app)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "member",
        mv: str | None = "2.96",
        **more,
    ) -> testing.Result:
        """Send a request below /compute/v2.1."""
        headers = {"Host": "cloud.example"} | more.pop("headers", {})
        if token:
            headers["X-Auth-Token"] = token
        if mv:
            headers["OpenStack-API-Version"] = f"compute {mv}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            more["body"] = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self._client.simulate_request(method, "/compute/v2.1" + path, headers=headers, **more)

    def get(self, path: str, **more) -> testing.Result:
        return self.request("GET", path, **more)

    def post(self, path: str, body: object, **more) -> testing.Result:
        return self.request("POST", path, body, **more)

    def put(self, path: str, body: object, **more) -> testing.Result:
        return self.request("PUT", path, body, **more)

    def delete(self, path: str, **more) -> testing.Result:
        return self.request("DELETE", path, **more)

    def boot(self, name: str = "vm", *, token: str = "member", hints: dict | None = None, **server) -> str:
        """Create a server and return its id."""
        body = {"server": {"name": name, "imageRef": IMAGE, "flavorRef": "1", "networks": "none", **server}}
        if hints:
            body["os:scheduler_hints"] = hints
        answer = self.post("/servers", body, token=token)
        assert answer.status_code == 202, answer.text
        return answer.json["server"]["id"]

    def set(self, server_id: str, **values: object) -> None:
        """Move a server's row."""
        row = schema.instances.c.uuid == server_id
        self.db.write("test", lambda c: c.execute(sa.update(schema.instances).where(row).values(**values)))

    def active(self, name: str = "vm", **more) -> str:
        """Create a server that runs on host1."""
        server_id = self.boot(name, **more)
        self.set(
            server_id, vm_state="active", task_state=None, power_state=1, host="host1", availability_zone="nova",
            launched_at=1_700_000_000.5, step=None,
        )  # fmt: skip
        return server_id

    def fail(self, server_id: str, message: str = "It failed.", details: str = "host1: no") -> None:
        """Bring a server into ERROR with a fault."""
        self.set(server_id, vm_state="error", task_state=None, step=None)
        fault = sa.insert(schema.instance_faults).values(
            instance_uuid=server_id, code=500, message=message, details=details, created_at=1_700_000_000.0
        )
        self.db.write("test", lambda c: c.execute(fault))


def _plant(connection: sa.Connection) -> None:
    flavors.create(connection, Flavor(flavorid="1", name="small", vcpus=1, memory_mb=512, root_gb=1))
    specs = {"hw:cpu_policy": "shared"}
    flavors.create(connection, Flavor(flavorid="2", name="big", vcpus=4, memory_mb=8192, root_gb=80, extra_specs=specs))
    flavors.create(connection, Flavor(flavorid="zero", name="zero", vcpus=1, memory_mb=512, root_gb=0))
    flavors.create(connection, Flavor(flavorid="own", name="own", vcpus=1, memory_mb=64, root_gb=1, is_public=False))
    inventories = {
        "VCPU": Inventory(total=8, allocation_ratio=4.0),
        "MEMORY_MB": Inventory(total=32768, reserved=512),
        "DISK_GB": Inventory(total=500),
    }
    names = ("host1", "host2")
    services.register(
        connection, binary=services.COMPUTE, hosts=names, address="c1", incarnation=str(uuid.uuid4()), version="1"
    )
    services.register(
        connection, binary="nova-conductor", hosts=("ctl",), address="k", incarnation=str(uuid.uuid4()), version="1"
    )
    hosts.report(
        connection,
        [
            HostReport(
                host=name,
                hypervisor_type="fake",
                hypervisor_version=1000,
                inventories=inventories,
                abilities=Abilities.__struct_fields__,
            )
            for name in names
        ],
    )


@pytest.fixture
def conf(tmp_path) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    corenova.conf.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    conf.set_override("state_path", str(tmp_path))
    return conf


@pytest.fixture
def cloud(tmp_path, conf) -> Iterator[Cloud]:
    db = Database(f"sqlite:///{tmp_path}/api.sqlite")
    schema.metadata.create_all(db.raw_writer())
    db.write("test", _plant)
    yield Cloud(db, conf)
    db.close()
