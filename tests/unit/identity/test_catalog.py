"""URLs of the catalog."""

import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova.identity.catalog import Catalog, base_url


def _conf(**api):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[])
    for name, value in api.items():
        conf.set_override(name, value, group="api")
    return conf


@pytest.mark.parametrize(
    ("api", "url", "seen_by_client"),
    [
        ({}, "http://127.0.0.1:8774", "http://127.0.0.1:8774"),
        ({"bind_host": "::1"}, "http://[::1]:8774", "http://[::1]:8774"),
        ({"bind_host": "0.0.0.0"}, "http://127.0.0.1:8774", "http://cloud:99"),
        ({"bind_host": "0.0.0.0", "public_url": "https://c.example/"}, "https://c.example", "https://c.example"),
    ],
)
def test_base_url(api, url, seen_by_client):
    conf = _conf(**api)
    assert base_url(conf, 8774) == url
    assert Catalog(conf, 8774).base("http://cloud:99") == seen_by_client


def test_another_network_backend_has_its_own_catalog():
    conf = _conf()
    conf.set_override("backend", "neutron", group="network")
    assert "network" not in {service.type for service in Catalog(conf, 1).services("http://a")}


def test_ids_are_the_same_in_every_process():
    first, second = (Catalog(_conf(), 1).services("http://a") for _ in range(2))
    assert first == second
    ids = [endpoint.id for service in first for endpoint in service.endpoints]
    assert len(set(ids)) == len(ids) == 12
