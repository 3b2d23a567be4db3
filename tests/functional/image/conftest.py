"""An image store on a real database, asked over WSGI by two projects and an admin."""

import falcon.testing
import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova.db import images as rows
from corenova.db import schema
from corenova.db.engine import Database
from corenova.image.app import build_app
from corenova.image.store import ImageStore, seed
from corenova.objects.context import RequestContext

TOKENS = {
    "red": RequestContext(request_id="", user_id="u1", project_id="red", roles=("member",)),
    "blue": RequestContext(request_id="", user_id="u2", project_id="blue", roles=("member",)),
    "root": RequestContext(request_id="", user_id="u3", project_id="admin", roles=("admin",)),
    "unscoped": RequestContext(request_id="", user_id="u1", project_id=""),
}


class Images:
    """The service with short words for tests."""

    def __init__(self, tmp_path):
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([], default_config_files=[])
        self.db = Database(f"sqlite:///{tmp_path}/db")
        schema.metadata.create_all(self.db.raw_writer())
        seed(self.db, "admin")
        self.store = ImageStore(self.db)
        self.http = falcon.testing.TestClient(build_app(self.store, TOKENS.get, conf))

    def add(self, number, **values):
        """Insert an image with a readable id."""
        uuid = f"00000000-0000-0000-0000-{number:012}"
        fields = {
            "uuid": uuid, "name": f"image {number}", "owner": "red", "status": "active", "visibility": "private",
            "disk_format": "raw", "container_format": "bare", **values,
        }  # fmt: skip
        self.db.write("test", lambda connection: rows.add(connection, rows.Image(**fields)))
        return uuid

    def get(self, who, path, status=200):
        """Ask and return the body."""
        response = self.http.simulate_get(f"/image{path}", headers={"X-Auth-Token": who})
        assert response.status_code == status, response.text
        return response.json

    def names(self, who, query=""):
        """The names in a list."""
        return [image["name"] for image in self.get(who, f"/v2/images{query}")["images"]]


@pytest.fixture
def images(tmp_path):
    images = Images(tmp_path)
    yield images
    images.db.close()
