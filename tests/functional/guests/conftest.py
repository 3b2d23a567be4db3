"""A whole cloud with its HTTP side on a free port, and the unmodified SDK as its user."""

import threading

import cheroot.wsgi
import openstack
import pytest
import yaml
from openstack.config import OpenStackConfig

from corenova.cmd import api
from corenova.testing.cloud import Cloud


class Site:
    """A cloud, and users of it.

    :ivar cloud: what stands behind (corenova.testing.cloud.Cloud).
    :ivar user: a member's SDK connection; ``admin`` an administrator's.
    """

    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self._applications = None
        self._server = cheroot.wsgi.Server(("127.0.0.1", 0), lambda *call: self._applications(*call), numthreads=8)
        self._server.prepare()
        parts = cloud.parts("api")
        self._applications = api.dispatcher(api.applications(parts, self._server.bind_addr[1]))
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()
        self._clouds_yaml = parts.clouds_yaml
        self.user, self.admin = self._connect("corenova"), self._connect("corenova-admin")

    def _connect(self, name: str) -> openstack.connection.Connection:
        config = OpenStackConfig(config_files=[str(self._clouds_yaml)], load_envvars=False)
        connection = openstack.connection.Connection(config=config.get_one(name))
        connection.authorize()
        return connection

    def another_user(self, project: str) -> openstack.connection.Connection:
        """Make a user of a project of their own, and return their connection."""
        self.admin.create_project(name=project, domain_id="default")
        self.admin.create_user(name=project, password="secret", domain_id="default")
        self.admin.grant_role("member", user=project, project=project)
        auth = yaml.safe_load(self._clouds_yaml.read_text())["clouds"]["corenova"]["auth"]
        who = {"username": project, "password": "secret", "project_name": project}
        return openstack.connection.Connection(auth={**auth, **who})

    def network(self, name: str = "home", cidr: str = "10.20.0.0/24", **subnet: object):
        """Make a network with one subnet."""
        network = self.user.network.create_network(name=name)
        self.user.network.create_subnet(network_id=network.id, cidr=cidr, ip_version=4, name=f"{name}-v4", **subnet)
        return network

    def boot(self, name: str = "vm", **more: object):
        """Boot a server and wait until it is ACTIVE."""
        compute = self.user.compute
        more.setdefault("networks", "none")
        more.setdefault("image_id", self.user.image.find_image("cirros").id)
        server = compute.create_server(name=name, flavor_id=compute.find_flavor("m1.tiny").id, **more)
        return compute.wait_for_server(server, interval=0.05, wait=30)

    def wait(self, server: object, status: str):
        """Wait until a server has this status."""
        return self.user.compute.wait_for_server(server, status=status, failures=[], interval=0.05, wait=30)

    def settled(self, server: object):
        """Wait until nothing is to be done with a server any more, and return it."""
        self.cloud.wait(lambda: self.cloud.server(server.id).step is None, what="the action ends")
        return self.user.compute.get_server(server.id)

    def stop(self) -> None:
        """End the HTTP side."""
        self.user.close()
        self.admin.close()
        self._server.stop()
        self._thread.join(5)


@pytest.fixture
def make_site(tmp_path):
    """Give a function that makes a site from an ini; each is audited and stopped at the end."""
    sites = []

    def make(ini=None):
        cloud = Cloud(tmp_path / f"cloud{len(sites)}", ini)
        cloud.__enter__()
        sites.append(Site(cloud))
        return sites[-1]

    yield make
    try:
        for site in sites:
            site.cloud.wait_settled()
            assert site.cloud.findings() == []
    finally:
        for site in sites:
            site.stop()
            site.cloud.__exit__()


@pytest.fixture
def site(make_site):
    """A site with the default ini."""
    return make_site()
