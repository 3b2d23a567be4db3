"""The receiving side of the bus: one RpcServer is one service at one address, with its verbs and its worker threads.

A handler runs after its message was acknowledged, in one of ``executor_threads`` threads, and possibly twice; whatever
it must not forget is in a row. Verbs are offered by :func:`expose` alone.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import oslo_messaging
from oslo_messaging.rpc import dispatcher
from oslo_messaging.rpc import server as messaging_server

from corenova.exceptions import CorenovaError
from corenova.rpc.serializer import StructSerializer

LOG = logging.getLogger(__name__)

expose = oslo_messaging.expose
"""Marks a method ``verb(self, ctxt, **args)`` of an endpoint as callable by remote services."""


class UnexpectedError(Exception):
    """What a caller is told of an error that no handler raised on purpose; arrives there as RemoteError."""


class _Dispatcher(oslo_messaging.RPCDispatcher):
    """Finds the verb before anything else is done.

    The library starts the thread of a monitored call first and forgets it when the verb or its version is unknown
    (a leak that any newer caller can trigger), and builds that thread for every message. Errors raised on purpose are
    answers, so they are not logged with a traceback; others keep theirs in this log and cross as one class, so that a
    caller never mistakes our KeyError for its own.
    """

    def dispatch(self, incoming):
        """Run the verb of ``incoming`` and return its serialised result."""
        message = incoming.message
        try:
            endpoint = self._find(message.get("method"), message.get("namespace"), message.get("version", "1.0"))
            if incoming.client_timeout:
                return super().dispatch(incoming)
            return self._do_dispatch(endpoint, message["method"], incoming.ctxt, message.get("args", {}))
        except CorenovaError as error:
            LOG.debug("%s: %s", message.get("method"), error)
            raise oslo_messaging.ExpectedException() from error
        except dispatcher.RPCDispatcherError:
            raise
        except Exception as error:
            raise UnexpectedError(f"{type(error).__name__}: {error}") from error

    def _find(self, method: str, namespace: str | None, version: str) -> object:
        compatible = [
            endpoint
            for endpoint in self.endpoints
            if self._is_namespace(endpoint.target, namespace) and self._is_compatible(endpoint.target, version)
        ]
        for endpoint in compatible:
            if self.access_policy.is_allowed(endpoint, method):
                return endpoint
        raise oslo_messaging.NoSuchMethod(method) if compatible else oslo_messaging.UnsupportedVersion(version, method)


class _Server(messaging_server.RPCServer):
    """The library's server on the standard thread pool: futurist's polls every second and needs one to shut down."""

    def __init__(self, transport, target, dispatcher):
        super().__init__(transport, target, dispatcher)
        self._executor_cls = partial(ThreadPoolExecutor, thread_name_prefix=f"rpc-{target.topic}")

    def abandon(self) -> None:
        """Forget messages that no worker has begun; those that run cannot be stopped."""
        if self._work_executor is not None:
            self._work_executor.shutdown(wait=False, cancel_futures=True)


def build_server(
    transport: oslo_messaging.transport.RPCTransport,
    target: oslo_messaging.Target,
    endpoints: list[object],
    serializer: oslo_messaging.Serializer | None = None,
) -> _Server:
    """Return a server of ``endpoints``, each with a ``target`` (namespace and version), offering exposed verbs only."""
    policy = oslo_messaging.ExplicitRPCAccessPolicy
    return _Server(transport, target, _Dispatcher(endpoints, serializer or StructSerializer(), policy))


class RpcServer:
    """A service on the bus that can be started, stopped within a time, and started again.

    :param topic: the service; all its servers compete for what is sent to the topic.
    :param address: the name by which this one alone can be reached.
    :param endpoint: the object with the exposed verbs; gets a ``target`` attribute.
    :param namespace: the name of the API, ``topic`` when None is said.
    """

    def __init__(
        self,
        transport: oslo_messaging.transport.RPCTransport,
        topic: str,
        address: str,
        endpoint: object,
        *,
        namespace: str | None = None,
        version: str = "1.0",
        executor_threads: int = 16,
    ):
        endpoint.target = oslo_messaging.Target(namespace=namespace or topic, version=version)
        self._transport = transport
        self._target = oslo_messaging.Target(topic=topic, server=address)
        self._endpoint = endpoint
        self._threads = executor_threads
        self._server: _Server | None = None

    def start(self) -> None:
        """Declare the queues and begin to work; waits for a broker that is away. Again is harmless."""
        if self._server is None:
            self._server = build_server(self._transport, self._target, [self._endpoint])
            self._server.start(override_pool_size=self._threads)

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Take no more messages, let running handlers finish for ``timeout_s`` seconds, and let go.

        :returns: whether everything had finished; the library alone would wait for ever.
        """
        server, self._server = self._server, None
        if server is None:
            return True
        ending = threading.Thread(target=_end, args=(server,), name=f"stop-{self._target.topic}", daemon=True)
        ending.start()
        ending.join(timeout_s)
        if ending.is_alive():
            LOG.warning("%s %s still works after %s s; leaving it", self._target.topic, self._target.server, timeout_s)
            server.abandon()
        return not ending.is_alive()


def _end(server: _Server) -> None:
    server.stop()
    server.wait()
