"""corenova-api: the HTTP side, one port for compute, identity, image and network.

The port is bound before anything is written: a port in use refuses the start and leaves no trace.
"""

import socket
import threading
from collections.abc import Callable, Iterable

from cheroot import wsgi

from corenova import policy
from corenova.api.app import build_app
from corenova.api.instance_actions import InstanceActions
from corenova.api.provision import Provisioner
from corenova.api.services import ApiServices
from corenova.cmd import clouds_yaml, plugin_list, request_bodies, seeds
from corenova.cmd.heartbeat import Heartbeat
from corenova.cmd.parts import Parts, announced
from corenova.cmd.process import main as run
from corenova.cmd.processes import Processes
from corenova.cmd.service_host import ServiceHost
from corenova.db.services import API
from corenova.exceptions import ConfigurationError
from corenova.firewall_hints import FirewallHints
from corenova.identity import app as identity_app
from corenova.identity.catalog import Catalog, base_url
from corenova.identity.service import IdentityService
from corenova.image import app as image_app
from corenova.image import policy as image_policy
from corenova.image.store import EmbeddedImages
from corenova.network import app as network_app
from corenova.network import policy as network_policy
from corenova.network.backend import EmbeddedNetwork, limits_of
from corenova.network.call import Service as NetworkService
from corenova.objects.pci_alias import read_aliases
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.conductor import ConductorAPI

Wsgi = Callable[[dict, Callable], Iterable[bytes]]


_SOCKET_TIMEOUT_S = 30
_MOST_IDLE_CONNECTIONS = 2000


class Front:
    """The bound port, and the HTTP server on it.

    :raises ConfigurationError: the address cannot be bound.
    """

    def __init__(self, parts: Parts):
        section = parts.conf.api
        self._app: Wsgi | None = None
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._server = wsgi.Server(
            (section.bind_host, section.bind_port),
            lambda environ, start_response: self._app(environ, start_response),
            numthreads=section.threads,
            max=section.threads,
            request_queue_size=512,
            timeout=_SOCKET_TIMEOUT_S,
            shutdown_timeout=1,
            server_name="corenova",
        )
        self._server.max_request_header_size = 64 * 1024
        self._server.gateway, self._server.ConnectionClass = request_bodies.Gateway, request_bodies.Connection
        # Without this the eleventh client is told to close its connection after every answer.
        self._server.keep_alive_conn_limit = _MOST_IDLE_CONNECTIONS
        try:
            self._server.prepare()
            # The server gives a new connection to a worker at once, which then waits for the first byte; so the kernel
            # keeps connections to itself until something has been sent, or a few silent ones would block the API.
            self._server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _SOCKET_TIMEOUT_S)
        except OSError as error:
            cause = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(
                f"[api] bind_host, bind_port: cannot listen on {section.bind_host}:{section.bind_port}: {cause}. Stop "
                "what listens there, or choose another bind_port (0 takes a free one)."
            ) from None
        self.port: int = self._server.bind_addr[1]
        self.url = base_url(parts.conf, self.port)

    def mount(self, app: Wsgi) -> None:
        """Serve this application from the start on."""
        self._app = app

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests under way, within a second."""
        self._server.stop()

    def _serve(self) -> None:
        self._server.serve()


def dispatcher(apps: dict[str, Wsgi]) -> Wsgi:
    """Return one application of several, by the first segment of the path; ``""`` takes the rest."""

    def dispatch(environ: dict, start_response: Callable) -> Iterable[bytes]:
        first = environ["PATH_INFO"].split("/", 2)[1:2]
        app = apps.get(first[0] if first else "") or apps[""]
        return app(environ, start_response)

    return dispatch


def applications(parts: Parts, port: int) -> dict[str, Wsgi]:
    """Build the applications of this port; seeds an empty deployment on the way."""
    conf, db = parts.conf, parts.db
    parts.clouds_yaml = clouds_yaml.publish(db, conf, base_url(conf, port))
    seeds.plant(db)
    identity = IdentityService(db, conf, Catalog(conf, port))
    backends = parts.backends
    # The embedded services are served from this port, past the guards: their own handlers know their errors.
    images, network = (guard.plugin.object for guard in (parts.image_backend, parts.network_backend))
    enforcer = policy.build_enforcer(conf, rules=[*image_policy.list_rules(), *network_policy.list_rules()])
    compute = ComputeAPI(parts.transport)
    conductor = ConductorAPI(parts.transport, timeout_s=conf.rpc_response_timeout)
    tell_firewalls = FirewallHints(db, compute, down_time_s=float(conf.service_down_time))
    services = ApiServices(
        conf=conf,
        db=db,
        enforcer=enforcer,
        validate_token=identity.validate,
        find_image=backends.images.find_image,
        provisioner=Provisioner(conf, db, conductor, parts.events, backends),
        instance_actions=InstanceActions(conf, db, parts.events, backends, compute=compute, conductor=conductor),
        backends=backends,
        compute=compute,
        tell_firewalls=tell_firewalls,
        pci_aliases=read_aliases(conf.pci.alias),
        processes=Processes(parts, compute),
        plugins=plugin_list.Seen(conf, db),
        hooks=parts.events.hooks,
    )
    served = {"compute": build_app(services), "": identity_app.build_app(identity, conf)}
    base = identity.services.base
    if isinstance(images, EmbeddedImages):
        images.serve(base_url(conf, port))
        served["image"] = image_app.build_app(images, identity.validate, conf, enforcer, base=base)
    if isinstance(network, EmbeddedNetwork):
        service = NetworkService(
            db=db,
            enforcer=enforcer,
            limits=limits_of(conf),
            max_limit=conf.api.max_limit,
            changed=tell_firewalls,
            grown=network.grown,
        )
        served["network"] = network_app.build_app(service, identity.validate, conf, base=base)
    return served


def add(parts: Parts, host: ServiceHost, front: Front) -> None:
    """Add the HTTP side to the process."""
    front.mount(dispatcher(applications(parts, front.port)))
    beat = Heartbeat(parts, API)
    with announced(parts, host, API):
        host.add("api", front.start, front.stop)
        host.add("api heartbeat", beat.start, beat.stop)


def main() -> None:
    """Entry point of the command."""

    def build(parts: Parts, host: ServiceHost):
        parts.check(apart=True)
        front = Front(parts)
        add(parts, host, front)
        return lambda: print(f"corenova-api is ready: {front.url}", flush=True)

    run("corenova-api", build)
