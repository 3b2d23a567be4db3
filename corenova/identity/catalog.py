"""The service catalog: which services there are, and under which URLs a client finds them.

A service that is added to the product is one line of SERVICES. Ids are derived from the names, so they are the same in
every process and after every start.
"""

import uuid

import msgspec
from oslo_config import cfg

IDENTITY_PATH = "/v3"
SERVICES = (
    ("identity", "corenova-identity", IDENTITY_PATH),
    ("compute", "corenova", "/compute/v2.1"),
    ("image", "corenova-image", "/image"),
    ("network", "corenova-network", "/network"),
)
INTERFACES = ("public", "internal", "admin")
_WILDCARDS = ("0.0.0.0", "::", "[::]")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One URL of one service for one kind of client."""

    id: str
    service_id: str
    interface: str
    url: str


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One service with its endpoints."""

    id: str
    type: str
    name: str
    endpoints: tuple[Endpoint, ...]


def base_url(conf: cfg.ConfigOpts, port: int) -> str:
    """Return scheme, host and port that a client on this machine can use.

    :param port: the port that is listened on, which ``[api] bind_port`` does not say when it is 0.
    """
    host = conf.api.bind_host
    if host in _WILDCARDS:
        host = "127.0.0.1"
    elif ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return (conf.api.public_url or f"http://{host}:{port}").rstrip("/")


class Catalog:
    """The catalog of this deployment.

    ``[api] public_url`` decides the URLs. Without it they are those of the listening address, and when that is a
    wildcard, the address under which the asking client has reached us: it cannot be wrong for that client.
    """

    def __init__(self, conf: cfg.ConfigOpts, port: int):
        self.region: str = conf.api.region
        self._follows_client = not conf.api.public_url and conf.api.bind_host in _WILDCARDS
        self._base = base_url(conf, port)
        embedded = conf.network.backend == "embedded"
        self._offered = tuple(line for line in SERVICES if embedded or line[0] != "network")

    def base(self, request_url: str) -> str:
        """Return the URL in front of all paths, for a client that has reached us under ``request_url``."""
        return request_url if self._follows_client else self._base

    def services(self, request_url: str) -> tuple[Service, ...]:
        """Return the services with their endpoints."""
        base = self.base(request_url)
        return tuple(self._service(kind, name, base + path) for kind, name, path in self._offered)

    def _service(self, kind: str, name: str, url: str) -> Service:
        service_id = _id(self.region, kind)
        endpoints = tuple(
            Endpoint(id=_id(self.region, kind, interface), service_id=service_id, interface=interface, url=url)
            for interface in INTERFACES
        )
        return Service(id=service_id, type=kind, name=name, endpoints=endpoints)


def _id(*names: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, "corenova:" + "/".join(names)).hex
