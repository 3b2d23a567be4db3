"""An image store on a real database and a real folder, asked over WSGI, or over HTTP, by two projects and an admin."""

import contextlib
import http.client
import json
import socket
import threading

import falcon.testing
import pytest
from cheroot import wsgi
from oslo_config import cfg

from corenova import conf as core
from corenova.cmd import request_bodies
from corenova.db import images as rows
from corenova.db import schema
from corenova.db.engine import Database
from corenova.image.app import build_app
from corenova.image.policy import list_rules
from corenova.image.store import EmbeddedImages, seed
from corenova.objects.context import RequestContext
from corenova.policy import build_enforcer

TOKENS = {
    "red": RequestContext(request_id="", user_id="u1", project_id="red", roles=("member", "reader")),
    "blue": RequestContext(request_id="", user_id="u2", project_id="blue", roles=("member", "reader")),
    "reader": RequestContext(request_id="", user_id="u4", project_id="red", roles=("reader",)),
    "root": RequestContext(request_id="", user_id="u3", project_id="admin", roles=("admin", "member", "reader")),
    "unscoped": RequestContext(request_id="", user_id="u1", project_id=""),
}


PATCH = "application/openstack-images-v2.1-json-patch"
BYTES = "application/octet-stream"


class Images:
    """The service with short words for tests.

    :param options: of ``[image]``.
    """

    def __init__(self, path, url=None, **options):
        self.conf = cfg.ConfigOpts()
        core.register(self.conf)
        self.conf([], default_config_files=[])
        self.conf.set_override("state_path", str(path))
        for name, value in options.items():
            self.conf.set_override(name, value, group="image")
        self.folder = path / "images"
        self.db = Database(url or f"sqlite:///{path}/db")
        schema.metadata.create_all(self.db.raw_writer())
        seed(self.db, "admin")
        self.boot()

    def boot(self):
        """Begin as a process does."""
        self.store = EmbeddedImages()
        self.store.start(self.db, self.conf)
        self.store.serve("http://example.org")
        enforcer = build_enforcer(self.conf, rules=list_rules())
        self.app = build_app(self.store, TOKENS.get, self.conf, enforcer)
        self.http = falcon.testing.TestClient(self.app)

    def add(self, number, **values):
        """Insert an image with a readable id."""
        uuid = f"00000000-0000-0000-0000-{number:012}"
        fields = {
            "uuid": uuid, "name": f"image {number}", "owner": "red", "status": "active", "visibility": "private",
            "disk_format": "raw", "container_format": "bare", **values,
        }  # fmt: skip
        self.db.write("test", lambda connection: rows.add(connection, rows.Image(**fields)))
        return uuid

    def ask(self, who, method, path, status=200, *, headers=None, **more):
        """Send a request, expect a status, return the response."""
        headers = {"X-Auth-Token": who, **(headers or {})}
        response = self.http.simulate_request(method, f"/image{path}", headers=headers, **more)
        assert response.status_code == status, f"{method} {path}: {response.status} {response.text}"
        if status >= 400:
            assert response.json["error"]["code"] == status
        return response

    def get(self, who, path, status=200):
        """Ask and return the body."""
        return self.ask(who, "GET", path, status).json

    def create(self, who="red", **document):
        """Make a queued image and return its id."""
        wanted = {"name": "one", "disk_format": "raw", "container_format": "bare", **document}
        return self.ask(who, "POST", "/v2/images", 201, json=wanted).json["id"]

    def upload(self, image_id, data, status=204, *, who="red", **headers):
        """Upload bytes."""
        headers = {"Content-Type": BYTES, "Content-Length": str(len(data)), **headers}
        return self.ask(who, "PUT", f"/v2/images/{image_id}/file", status, body=data, headers=headers)

    def stored(self, data=b"bytes", **document):
        """Make an active image and return its id."""
        image_id = self.create(**document)
        self.upload(image_id, data)
        return image_id

    def patch(self, who, image_id, *steps, status=200):
        """Change an image; a step is (op, name[, value])."""
        body = [
            dict(zip(("op", "path", "value"), (op, f"/{name}", *value), strict=False)) for op, name, *value in steps
        ]
        path = f"/v2/images/{image_id}"
        return self.ask(who, "PATCH", path, status, body=json.dumps(body), headers={"Content-Type": PATCH}).json

    def show(self, image_id, who="red"):
        """The image as its owner sees it."""
        return self.get(who, f"/v2/images/{image_id}")

    def names(self, who, query=""):
        """The names in a list."""
        return [image["name"] for image in self.get(who, f"/v2/images{query}")["images"]]

    def files(self):
        """The names of the files in the store."""
        return sorted(file.name for file in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def images(tmp_path):
    images = Images(tmp_path)
    yield images
    images.db.close()


@pytest.fixture
def make(tmp_path):
    """Make services with options of their own."""
    made = []

    def make(**options):
        made.append(Images(tmp_path / str(len(made)), **options))
        return made[-1]

    yield make
    for images in made:
        images.db.close()


@pytest.fixture
def served(images):
    """The service over real HTTP, on the server that corenova-api has; its port."""
    server = wsgi.Server(("127.0.0.1", 0), images.app, timeout=5)
    server.gateway, server.ConnectionClass = request_bodies.Gateway, request_bodies.Connection
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server.bind_addr[1]
    server.stop()
    thread.join()


@pytest.fixture
def wire(served):
    """Return what sends text as it is and returns the whole answer."""

    def send(*parts, hang_up=False):
        with contextlib.closing(socket.create_connection(("127.0.0.1", served), timeout=20)) as connection:
            for part in parts:
                connection.sendall(part)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status, response.read()

    return send
