"""The unmodified SDK with the generated clouds.yaml, over real HTTP."""

import threading

import cheroot.wsgi
import openstack
import pytest

from corenova.cmd import clouds_yaml
from corenova.identity import seed
from corenova.identity.app import build_app
from corenova.identity.catalog import Catalog, base_url
from corenova.identity.service import IdentityService
from corenova.image import app as image_app
from corenova.image import store
from corenova.image.policy import list_rules
from corenova.policy import build_enforcer


@pytest.fixture
def connect(cloud, tmp_path, monkeypatch):
    """Serve identity and images on a free port and return what connects to a cloud of clouds.yaml by name."""
    applications = {}

    def serve(environ, start_response):
        return applications["/image" if environ["PATH_INFO"].startswith("/image") else "/"](environ, start_response)

    server = cheroot.wsgi.Server(("127.0.0.1", 0), serve)
    server.prepare()
    port = server.bind_addr[1]
    service = IdentityService(cloud.db, cloud.conf, Catalog(cloud.conf, port))
    applications["/"] = build_app(service, cloud.conf)
    store.seed(cloud.db, seed.project_id(cloud.db))
    images = store.EmbeddedImages()
    images.start(cloud.db, cloud.conf)
    enforcer = build_enforcer(cloud.conf, rules=list_rules())
    applications["/image"] = image_app.build_app(
        images, service.validate, cloud.conf, enforcer, base=service.services.base
    )
    path = clouds_yaml.publish(cloud.db, cloud.conf, base_url(cloud.conf, port))
    thread = threading.Thread(target=server.serve)
    thread.start()
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    connections = []

    def connect(name):
        connections.append(openstack.connect(cloud=name))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()
    server.stop()
    thread.join()


def test_a_user(connect):
    connection = connect("corenova")
    assert connection.authorize()
    assert [image.name for image in connection.image.images()] == ["cirros"]
    cirros = connection.image.find_image("cirros")
    assert (cirros.status, cirros.visibility) == ("active", "public")
    assert connection.image.find_image("nonsense") is None
    assert connection.current_project.name == "demo"
    assert connection.compute.get_endpoint().endswith("/compute/v2.1")
    with pytest.raises(openstack.exceptions.ForbiddenException):
        list(connection.identity.users())


def test_an_admin_makes_a_user_who_works(connect):
    connection = connect("corenova-admin")
    assert {project.name for project in connection.identity.projects()} == {"admin", "demo", "service"}
    assert [domain.name for domain in connection.list_domains()] == ["Default"]
    project = connection.create_project(name="red", domain_id="default", description="a team")
    user = connection.create_user(name="rosa", password="secret", domain_id="default")
    assert connection.grant_role("member", user="rosa", project="red")
    assert not connection.grant_role("member", user="rosa", project="red"), "it has been given already"
    rosa = openstack.connection.Connection(
        auth={**connection.config.auth, "username": "rosa", "password": "secret", "project_name": "red"}
    )
    assert rosa.current_project_id == project.id
    assert [image.name for image in rosa.list_images()] == ["cirros"]
    rosa.close()
    assert connection.revoke_role("member", user="rosa", project="red")
    assert connection.delete_user(user.id)
    assert connection.delete_project(project.id)
    assert len(list(connection.identity.role_assignments())) == 3
