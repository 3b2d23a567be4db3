"""An identity service on a real database, asked over WSGI."""

import time

import falcon.testing
import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova.db import schema
from corenova.db.engine import Database
from corenova.identity import seed
from corenova.identity.app import build_app
from corenova.identity.catalog import Catalog
from corenova.identity.service import IdentityService


class Cloud:
    """A seeded identity service with a clock to turn, and short words for what tests do most."""

    def __init__(self, tmp_path):
        self.conf = cfg.ConfigOpts()
        options.register(self.conf)
        self.conf([], default_config_files=[])
        self.conf.set_override("state_path", str(tmp_path))
        self.db = Database(f"sqlite:///{tmp_path}/corenova.sqlite")
        schema.metadata.create_all(self.db.raw_writer())
        self.passwords = seed.seed(self.db).passwords
        self.offset_s = 0.0
        self.service = self.new_service()
        self.http = falcon.testing.TestClient(build_app(self.service, self.conf))

    def new_service(self) -> IdentityService:
        """What another process of the deployment would have."""
        return IdentityService(self.db, self.conf, Catalog(self.conf, 8774), clock=lambda: time.time() + self.offset_s)

    def login(self, user, project=None, *, password=None, scope=None, domain={"id": "default"}, **more):  # noqa: B006
        """Ask for a token and return the response."""
        named = {"name": user, "password": password or self.passwords.get(user, "")}
        identity = {"methods": ["password"], "password": {"user": {**named, **({"domain": domain} if domain else {})}}}
        auth = {"identity": identity}
        if project is not None:
            scope = {"project": {"name": project, "domain": {"name": "Default"}}}
        if scope is not None:
            auth["scope"] = scope
        return self.http.simulate_post("/v3/auth/tokens", json={"auth": auth}, **more)

    def token(self, user, project=None, **more):
        """Log in and return the token."""
        response = self.login(user, project, **more)
        assert response.status_code == 201, response.text
        return response.headers["X-Subject-Token"]

    def ask(self, token, method, path, status, *, json=None, subject=None):
        """Send a request, expect a status, return the body (or None)."""
        headers = {"X-Auth-Token": token} | ({"X-Subject-Token": subject} if subject else {})
        response = self.http.simulate_request(method, path, json=json, headers=headers)
        assert response.status_code == status, f"{method} {path}: {response.status} {response.text}"
        return response.json if response.content else None


@pytest.fixture
def cloud(tmp_path):
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.db.close()


@pytest.fixture
def admin(cloud):
    return cloud.token("admin", "admin")


@pytest.fixture
def demo(cloud):
    return cloud.token("demo", "demo")
