"""``local://``: the message bus inside one process, an oslo.messaging driver that behaves like RabbitMQ without one.

All services of an all-in-one process meet here; ``local:///name`` is a bus apart (a virtual host), so that several
clouds fit into one process. What is like the broker: everything crosses as JSON, queues outlive their consumers, a
topic's servers compete for its messages, a message is acknowledged before its handler runs, a call that nobody took
expires, at_least_once asks whether a queue exists. What is unlike it: queues are bounded (``?queue_limit=n``) and a
full one refuses the message at once with MessageDeliveryFailure, because a sender that waits is an API that hangs.
"""

import contextlib
import itertools
import queue
import time
from collections.abc import Iterator

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import exceptions
from oslo_messaging._drivers import base
from oslo_messaging._drivers import common as wire

from corenova.rpc.broker import FAILURE, RESULT, Delivery, Key, Listener, Queue, decode, encode, join, release
from corenova.rpc.faults import FaultPlan, Injector, Passing

QUEUE_LIMIT = 10_000

_numbers = itertools.count()


@contextlib.contextmanager
def inject(vhost: str, plan: FaultPlan) -> Iterator[None]:
    """Let ``plan`` decide about every message of the virtual host ``vhost`` ("" for ``local://``) inside the block.

    The block also keeps the queues while all services of a cloud are down, as a broker on another machine would.
    """
    broker = join(vhost)
    broker.injector = Injector(plan)
    try:
        yield
    finally:
        broker.injector = None
        release(broker)


class LocalDriver(base.BaseDriver):
    """The driver behind ``local://``; see the head of this module for what it promises."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        url: oslo_messaging.TransportURL,
        default_exchange: str | None = None,
        allowed_remote_exmods: list[str] | None = None,
    ):
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        self._limit = int(url.query.get("queue_limit", QUEUE_LIMIT))
        self._broker = join(url.virtual_host or "")
        self._listeners: list[Listener] = []
        self._closed = False

    def require_features(self, requeue: bool = False) -> None:
        """Everything that may be asked for is there."""

    def send(
        self,
        target: oslo_messaging.Target,
        ctxt: dict,
        message: dict,
        wait_for_reply: bool | None = None,
        timeout: float | None = None,
        call_monitor_timeout: float | None = None,
        retry: int | None = None,
        transport_options: oslo_messaging.TransportOptions | None = None,
    ) -> object:
        """Send one RPC message and wait for its reply when asked to; ``retry`` has no meaning without a network."""
        kind = "fanout" if target.fanout else "call" if wait_for_reply else "cast"
        key = self._key(target, "_fanout" if target.fanout else f".{target.server}" if target.server else "")
        if transport_options is not None and transport_options.at_least_once and not target.fanout:
            self._require_queue(key, message)
        passing = Passing(kind, message.get("method", ""), target.topic, target.server)
        delivery = Delivery(passing, encode((ctxt, message)))
        if not wait_for_reply:
            self._broker.publish(key, delivery, self._limit)
            return None
        delivery.replies = queue.SimpleQueue()
        delivery.monitor_s = call_monitor_timeout
        delivery.deadline = None if timeout is None else time.monotonic() + timeout
        self._broker.publish(key, delivery, self._limit)
        return self._reply(delivery)

    def _reply(self, delivery: Delivery) -> object:
        while True:
            left = None if delivery.deadline is None else max(0.0, delivery.deadline - time.monotonic())
            if delivery.monitor_s and (left is None or delivery.monitor_s < left):
                left = delivery.monitor_s
            try:
                kind, payload = delivery.replies.get(timeout=left)
            except queue.Empty:
                about = f"{delivery.passing.method} on {delivery.passing.topic}"
                raise exceptions.MessagingTimeout(f"Timed out waiting for a reply to {about}") from None
            if kind == RESULT:
                return decode(payload)
            if kind == FAILURE:
                raise wire.deserialize_remote_exception(payload, self._allowed_remote_exmods)
            # A heartbeat: the handler lives, so call_monitor_timeout starts anew (the overall timeout does not).

    def send_notification(
        self, target: oslo_messaging.Target, ctxt: dict, message: dict, version: float, retry: int | None = None
    ) -> None:
        """Send a notification, which waits for its listener even if there was never one."""
        key = self._key(target, "")
        if not self._broker.bindings.get(key):
            self._broker.bind(key, key[1])
        passing = Passing("notification", message.get("event_type", ""), target.topic, None)
        self._broker.publish(key, Delivery(passing, encode((ctxt, message))), self._limit)

    def listen(self, target: oslo_messaging.Target, batch_size: int, batch_timeout: float | None) -> base.Listener:
        """Declare the queues of a server: its topic's, its own, and one for fanout that ends with it."""
        topic, own = self._key(target, ""), self._key(target, f".{target.server}")
        fanout = (self._key(target, "_fanout"), f"{target.topic}_fanout_{next(_numbers)}")
        queues = [self._broker.bind(topic, topic[1]), self._broker.bind(own, own[1]), self._broker.bind(*fanout)]
        return self._listener(queues, [fanout])

    def listen_for_notifications(
        self,
        targets_and_priorities: list[tuple[oslo_messaging.Target, str]],
        pool: str | None,
        batch_size: int,
        batch_timeout: float | None,
    ) -> base.Listener:
        """Declare queues for notifications; every ``pool`` gets a copy of each."""
        keys = [self._key(target, f".{priority}") for target, priority in targets_and_priorities]
        return self._listener([self._broker.bind(key, pool or key[1]) for key in keys], [])

    def _listener(self, queues: list[Queue], own: list[tuple[Key, str]]) -> Listener:
        listener = Listener(self._broker, queues, own)
        self._listeners.append(listener)
        return listener

    def _key(self, target: oslo_messaging.Target, suffix: str) -> Key:
        return target.exchange or self._default_exchange, f"{target.topic}{suffix}"

    def _require_queue(self, key: Key, message: dict) -> None:
        if not self._broker.bindings.get(key):
            raise exceptions.MessageUndeliverable(f"there is no queue {key[1]}", key[0], key[1], message)

    def cleanup(self) -> None:
        """Detach this driver's servers; the last driver of a virtual host takes its queues along."""
        for listener in self._listeners:
            listener.cleanup()
        if not self._closed:
            self._closed = True
            release(self._broker)
