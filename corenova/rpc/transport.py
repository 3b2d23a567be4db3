"""The sending side of the bus: how a transport is built, and the Caller that every remote verb goes through.

The row is the work item and a message only a hint (a killed service loses what it had accepted), so a cast that cannot
be delivered is a log line and False, never an error to a user whose request is saved. Nothing here waits for a broker
for ever: ``retry`` is bounded, and a message for which there is no queue is known to be lost at once.
"""

import contextlib
import copy
import logging
import re
import time
from functools import cache, lru_cache

import amqp.exceptions
import kombu.exceptions
import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts as messaging_opts
from oslo_messaging._metrics import client as metrics
from oslo_messaging._tracing import client as tracing

from corenova.crash import crash_point
from corenova.exceptions import ConfigurationError, CorenovaError, Unavailable
from corenova.rpc.serializer import StructSerializer

RemoteError = oslo_messaging.RemoteError
"""What went wrong in a server and is none of ``corenova.exceptions``."""
LOG = logging.getLogger(__name__)

EXCHANGE = "corenova"
REMOTE_EXCEPTIONS = ["corenova.exceptions"]
RETRY = 1
"""How often a send is tried again before the broker counts as away (2 to 5 seconds, measured; two tries take 6 to 7);
None would hold an API thread until it is back."""
_SLOW_S = 1.0
_PAUSE_S = 2.0
"""Once a hint was held up in vain, others are not even tried for so long: API threads would pile up behind it."""

_RABBIT_DEFAULTS = {
    # From the first day: changing the kind of a queue later is an outage, because the broker refuses the declaration.
    "rabbit_quorum_queue": True,
    "rabbit_transient_quorum_queue": True,
    "heartbeat_timeout_threshold": 20,
    # A reply to a caller that died would otherwise hold a worker thread for a minute.
    "kombu_missing_consumer_retry_timeout": 10,
    "rabbit_interval_max": 5,
}
_UNDELIVERED = (
    oslo_messaging.MessagingTimeout,
    oslo_messaging.MessageDeliveryFailure,
    oslo_messaging.MessageUndeliverable,
    # What the library lets through when it needs a new connection and there is nobody at the other end.
    amqp.exceptions.AMQPError,
    kombu.exceptions.KombuError,
    OSError,
)


def register(conf: cfg.ConfigOpts) -> None:
    """Register oslo.messaging's options on ``conf`` with corenova's defaults; again is harmless.

    The library registers its tracing and metrics options on the global object alone and fails on any other.
    """
    extra = [
        ("oslo_messaging_tracing", tracing.oslo_messaging_tracing),
        ("oslo_messaging_metrics", metrics.oslo_messaging_metrics),
    ]
    for group, options in _messaging_options() + extra:
        conf.register_opts(options, group=group)
    conf.set_default("transport_url", "local://")
    conf.set_default("control_exchange", EXCHANGE)
    for name, value in _RABBIT_DEFAULTS.items():
        conf.set_default(name, value, group="oslo_messaging_rabbit")


@cache  # the library copies all of them deeply at each call
def _messaging_options() -> list[tuple[str | None, list[cfg.Opt]]]:
    return messaging_opts.list_opts()


def build_transport(conf: cfg.ConfigOpts, url: str | None = None) -> oslo_messaging.transport.RPCTransport:
    """Return the transport of ``url``, or of ``[DEFAULT] transport_url``; ConfigurationError when there is none.

    A broker that is away is no error here: the first send or server finds out.
    """
    register(conf)
    url = url or conf.transport_url
    try:
        return oslo_messaging.get_rpc_transport(conf, url, allowed_remote_exmods=REMOTE_EXCEPTIONS)
    except (oslo_messaging.MessagingException, ImportError, RuntimeError, ValueError) as error:
        shown = re.sub(r"//.*@", "//***@", url)  # a password may have any character in it
        cause: object = error
        if isinstance(error, ValueError) and shown != url:  # which may tell a part of the password
            cause = "it cannot be read (a / in a password is written as %2F, for instance)"
        raise ConfigurationError(
            f"[DEFAULT] transport_url = {shown} names no message bus: {cause}. Use local:// for everything in one "
            "process, or rabbit://user:password@host:5672/vhost."
        ) from error


def build_client(
    transport: oslo_messaging.transport.RPCTransport,
    target: oslo_messaging.Target,
    *,
    timeout: float | None = None,
    retry: int = RETRY,
    version_cap: str | None = None,
) -> oslo_messaging.RPCClient:
    """Return an RPC client for ``target`` that never retries for ever and knows our Structs."""
    return oslo_messaging.get_rpc_client(
        transport, target, timeout=timeout, retry=retry, version_cap=version_cap, serializer=StructSerializer()
    )


class Caller:
    """The client side of one service's verbs; ``rpc/<service>.py`` gives each verb a method.

    Every send passes the crash points ``rpc.<verb>.before`` and ``rpc.<verb>.after``. All of them ask for a queue
    (AMQP's mandatory flag): without one the message is lost, and better said at once than after the timeout. A queue
    says that such a server was once there, not that it runs now.

    :param topic: the service that is called.
    :param version: the lowest version of the service's API that has all verbs in use.
    """

    def __init__(
        self,
        transport: oslo_messaging.transport.RPCTransport,
        topic: str,
        namespace: str | None = None,
        version: str = "1.0",
    ):
        self._topic = topic
        target = oslo_messaging.Target(topic=topic, namespace=namespace, version=version)
        self._client = build_client(transport, target)
        self._prepared = lru_cache(maxsize=4096)(self._prepare)
        self._away_until = 0.0

    def cast(self, method: str, *, server: str | None = None, **args: object) -> bool:
        """Send ``method`` to ``server``, or to any server of the topic, and go on.

        :returns: whether the bus took it. It never raises for a bus that is away: the sweeper finds the row.
        """
        crash_point(f"rpc.{method}.before")
        started = time.monotonic()
        delivered = started >= self._away_until
        try:
            if delivered:
                self._prepared(server, None).cast({}, method, **args)
        except _UNDELIVERED as error:
            delivered = False
            if time.monotonic() - started > _SLOW_S:
                self._away_until = time.monotonic() + _PAUSE_S
            LOG.warning("%s The row waits for the next sweep.", self._sentence(method, server, error))
        crash_point(f"rpc.{method}.after")
        return delivered

    def call(self, method: str, *, server: str | None = None, timeout_s: float, **args: object) -> object:
        """Send ``method`` and return its result.

        Raises what the server raised if it is one of ``corenova.exceptions``, and RemoteError for anything else that
        went wrong there. Unavailable means unknown: a server that answers too late has done it all the same.
        """
        crash_point(f"rpc.{method}.before")
        try:
            result = self._prepared(server, timeout_s).call({}, method, **args)
        except _UNDELIVERED as error:
            raise Unavailable(self._sentence(method, server, error)) from error
        except CorenovaError as error:
            raise _as_raised(error) from error
        crash_point(f"rpc.{method}.after")
        return result

    def _prepare(self, server: str | None, timeout_s: float | None) -> oslo_messaging.rpc.client._CallContext:
        options = oslo_messaging.TransportOptions(at_least_once=True)
        return self._client.prepare(server=server, timeout=timeout_s, transport_options=options)

    def _sentence(self, method: str, server: str | None, error: Exception) -> str:
        who = f"{self._topic} {server}" if server else self._topic
        match error:
            case oslo_messaging.MessageUndeliverable():
                return f"Nobody listens as {who}, so {method} reached no one."
            case oslo_messaging.MessagingTimeout():
                return f"The {who} did not answer {method} in time."
            case _:
                return f"The message bus did not take {method} for {who}: {error}."


def _as_raised(error: CorenovaError) -> CorenovaError:
    """Return the error without what the library adds: a class named ``..._Remote`` whose text is the traceback."""
    plain = type(error)
    if plain.__name__.endswith("_Remote"):
        plain = plain.__mro__[1]
    with contextlib.suppress(TypeError):
        return plain(*copy.copy(error.args))
    return error
