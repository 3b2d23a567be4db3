"""The contracts of images and networks on the embedded services: the suites of corenova.testing."""

import falcon.testing
import pytest

from corenova import policy
from corenova.image.store import seed
from corenova.network import policy as network_policy
from corenova.network.app import build_app
from corenova.network.backend import limits_of
from corenova.network.call import Service
from corenova.testing.suites import ImageBackendSuite, NetworkBackendSuite


class TestEmbeddedImages(ImageBackendSuite):
    plugin = "embedded"

    def started(self, backend):
        backend.serve("http://example.org")

    @pytest.fixture
    def image(self, db):
        seed(db, "admin")
        return db.read(lambda connection: connection.exec_driver_sql("SELECT uuid FROM images").scalar())


class TestEmbeddedNetwork(NetworkBackendSuite):
    plugin = "embedded"

    @pytest.fixture
    def network(self, db, backend, context):
        """Made through its API, as users make them: a network of sixteen addresses."""
        conf = self.configuration()
        enforcer = policy.build_enforcer(conf, rules=network_policy.list_rules())
        service = Service(
            db=db, enforcer=enforcer, limits=limits_of(conf), max_limit=10, changed=lambda _: None, grown=backend.grown
        )
        http = falcon.testing.TestClient(build_app(service, lambda _: context, conf))

        def make(noun, **values):
            answer = http.simulate_post(f"/network/v2.0/{noun}s", json={noun: values}, headers={"X-Auth-Token": "any"})
            assert answer.status_code == 201, answer.text
            return answer.json[noun]["id"]

        network = make("network", name="net")
        make("subnet", network_id=network, cidr="10.0.0.0/28", ip_version=4)
        return network
