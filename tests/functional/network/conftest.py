"""A network service on a real database, asked over WSGI by an admin and by members of two projects."""

import falcon.testing
import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova import policy
from corenova.contracts.network import AUTO
from corenova.db import instances, schema
from corenova.db.engine import Database, now
from corenova.network import policy as network_policy
from corenova.network.app import build_app
from corenova.network.backend import EmbeddedNetwork, limits_of
from corenova.network.call import Service
from corenova.objects.context import RequestContext, new_uuid

ROLES = {"admin": ("admin", "manager", "member", "reader"), "member": ("member", "reader"), "reader": ("reader",)}
WHO = {"admin": ("ops", "admin"), "red": ("red", "member"), "blue": ("blue", "member"), "guest": ("red", "reader")}
"""Token, project and role."""


def context_of(who):
    """The caller behind a token."""
    project, role = WHO[who]
    return RequestContext(request_id="", user_id=f"user-{who}", project_id=project, roles=ROLES[role])


class Networks:
    """The service, with short words for what tests do most."""

    def __init__(self, db, **limits):
        self.conf = cfg.ConfigOpts()
        options.register(self.conf)
        self.conf([], default_config_files=[])
        for name, limit in limits.items():
            self.conf.set_override(f"quota_{name}", limit, group="network")
        self.db = db
        self.told = []
        self.backend = EmbeddedNetwork()
        self.backend.start(db, self.conf)
        self.service = Service(
            db=db,
            enforcer=policy.build_enforcer(self.conf, rules=network_policy.list_rules()),
            limits=limits_of(self.conf),
            max_limit=1000,
            changed=self.told.append,
            grown=self.backend.grown,
        )
        app = build_app(self.service, lambda token: context_of(token) if token in WHO else None, self.conf)
        self.http = falcon.testing.TestClient(app)

    def ask(self, who, method, path, status=200, body=None):
        """Send a request, expect a status, return the body (or None)."""
        headers = {"X-Auth-Token": who} if who else {}
        response = self.http.simulate_request(method, f"/network{path}", json=body, headers=headers)
        assert response.status_code == status, f"{who} {method} {path}: {response.status} {response.text}"
        return response.json if response.content else None

    def get(self, who, path, status=200):
        """Read something below /v2.0."""
        return self.ask(who, "GET", f"/v2.0{path}", status)

    def refused(self, who, method, path, status, body=None):
        """Expect a refusal and return its type and message."""
        error = self.ask(who, method, f"/v2.0{path}", status, body)["NeutronError"]
        assert set(error) == {"type", "message", "detail"}
        assert error["message"].strip()
        return error["type"], error["message"]

    def make(self, who, noun, status=201, **values):
        """Create one thing and return it."""
        path = f"/v2.0/{noun.replace('_', '-')}s"
        return self.ask(who, "POST", path, status, {noun: values})[noun if status == 201 else "NeutronError"]

    def change(self, who, noun, uuid, **values):
        """Change one thing and return it."""
        return self.ask(who, "PUT", f"/v2.0/{noun.replace('_', '-')}s/{uuid}", 200, {noun: values})[noun]

    def network(self, who="red", cidr="10.0.0.0/24", **values):
        """A network with a subnet; returns both."""
        of_network = {key: values.pop(key) for key in list(values) if key in _OF_NETWORK}
        network = self.make(who, "network", **{"name": "net", **of_network})
        return network, self.make(who, "subnet", **{"network_id": network["id"], "cidr": cidr, **values})

    def server(self, who="red", wanted=AUTO, *, groups=(), count=1):
        """Rows of servers with their ports; returns their uuids."""
        context = context_of(who)
        plan = self.backend.plan(context, wanted, groups=groups, count=count)
        uuids = [new_uuid() for _ in range(count)]

        def work(connection):
            rows = [{**_SERVER, "uuid": uuid, "project_id": context.project_id} for uuid in uuids]
            connection.execute(schema.instances.insert().values(created_at=now(), updated_at=now()), rows)
            return self.backend.allocate(connection, plan, [(uuid, "host") for uuid in uuids])

        self.db.write("test", work)
        return uuids

    def nics(self, uuid):
        """What a server's row says of its interfaces."""
        select = schema.instances.select().where(schema.instances.c.uuid == uuid)
        return list(instances.nics_of(self.db.read(lambda connection: connection.execute(select).first())))

    def rules(self, uuid):
        """What may pass the interfaces of a server."""
        return self.db.read(lambda connection: self.backend.firewalls(connection, [uuid]))[uuid]


_OF_NETWORK = ("name", "shared", "project_id", "router:external", "provider:network_type", "provider:physical_network")
_SERVER = {
    "user_id": "u", "reservation_id": "r", "display_name": "vm", "hostname": "vm", "flavor": "{}", "vcpus": 1,
    "memory_mb": 1, "vm_state": "active",
}  # fmt: skip


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/db")
    schema.metadata.create_all(db.raw_writer())
    yield db
    db.close()


@pytest.fixture
def cloud(db):
    return Networks(db)
