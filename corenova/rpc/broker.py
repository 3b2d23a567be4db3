"""The broker inside the process: queues that outlive their consumers, and the way a message takes through them.

``local.py`` puts messages in and speaks oslo.messaging's driver language; here they wait, are handed to servers in turn
and get their reply. There is one :class:`Broker` for every virtual host in use.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cached_property

import msgspec
from oslo_messaging import exceptions
from oslo_messaging._drivers import base
from oslo_messaging._drivers import common as wire

from corenova.rpc.faults import Injector, Passing

LOG = logging.getLogger(__name__)

Key = tuple[str | None, str]
"""Where a message is sent: exchange and routing key."""

PREFETCH = 8
"""How many messages may be on their way to the workers of one server before a worker takes up the first of them.

What waits beyond it waits in the bounded queue, where a restarted or another server finds it, and not in the executor.
One would be the fairest and costs three times the CPU under load, because each message then wakes a sleeping thread.
"""

HEARTBEAT, RESULT, FAILURE = "heartbeat", "result", "failure"
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


class Delivery:
    """One message under way. ``body`` is JSON of [context, message]: whoever receives it parses an own copy."""

    __slots__ = ("body", "deadline", "monitor_s", "passing", "replies")

    def __init__(self, passing: Passing, body: bytes):
        self.passing = passing
        self.body = body
        self.replies: queue.SimpleQueue[tuple[str, bytes | str]] | None = None
        self.deadline: float | None = None
        self.monitor_s: float | None = None


class Incoming(base.RpcIncomingMessage):
    """A delivery in the hands of one server."""

    # The base class would store ctxt and message as attributes; here they are parsed when a worker first asks.
    def __init__(self, listener: "Listener", source: "Queue", delivery: Delivery):
        self._listener = listener
        self._source = source
        self._delivery = delivery
        self._open = True
        self.msg_id = f"{id(delivery):x}"
        self.client_timeout = delivery.monitor_s

    @cached_property
    def _parsed(self) -> list[dict]:
        return decode(self._delivery.body)

    @property
    def ctxt(self) -> dict:
        """The sender's context."""
        return self._parsed[0]

    @property
    def message(self) -> dict:
        """The verb and its arguments."""
        return self._parsed[1]

    def acknowledge(self) -> None:
        """Tell the listener that a worker has taken it up."""
        if self._open:
            self._open = False
            self._listener.taken()

    def requeue(self) -> None:
        """Put it back to the head of its queue."""
        self._source.put_back(self._delivery)
        self.acknowledge()

    def heartbeat(self) -> None:
        """Tell a monitoring caller that the handler still runs."""
        self._delivery.replies.put((HEARTBEAT, b""))

    def reply(self, reply: object = None, failure: tuple | None = None) -> None:
        """Answer a call; nothing happens for a cast."""
        if self._delivery.replies is None:  # a cast
            return
        try:
            answer = (RESULT, b"") if failure else (RESULT, encode(reply))
        except TypeError as error:  # a result that JSON cannot carry: say so, or the caller waits for nothing
            failure = (wire.RPCException, wire.RPCException(f"TypeError: {error}"), error.__traceback__)
        if failure:
            answer = (FAILURE, wire.serialize_remote_exception(failure))
        # A caller that gave up has dropped this queue, and a late reply goes with it.
        passing = self._delivery.passing._replace(kind="reply")
        self._listener.broker.pass_on(passing, lambda: self._delivery.replies.put(answer))


class Queue:
    """Messages for the consumers of one name. Everything here happens under the broker's lock."""

    def __init__(self, broker: "Broker", name: str):
        self._broker = broker
        self.name = name
        self._messages: deque[Delivery] = deque()
        self.consumers: deque[Listener] = deque()

    def put(self, delivery: Delivery, limit: int) -> None:
        """Append, or raise MessageDeliveryFailure when ``limit`` messages wait already."""
        if len(self._messages) >= limit:
            raise exceptions.MessageDeliveryFailure(f"{len(self._messages)} messages wait in {self.name}: it is full")
        self._messages.append(delivery)
        self.pump()

    def put_back(self, delivery: Delivery) -> None:
        """Return a message that a consumer did not want to the head of the queue."""
        with self._broker.lock:
            self._messages.appendleft(delivery)

    def pump(self) -> None:
        """Hand messages to consumers in turn while there are both."""
        while self._messages:
            ready = next((one for one in self.consumers if one.credit), None)
            if ready is None:
                return
            self.consumers.remove(ready)
            self.consumers.append(ready)
            delivery = self._messages.popleft()
            if delivery.deadline is not None and delivery.deadline <= time.monotonic():
                continue  # its caller has given up
            try:
                ready.give(self, delivery)
            except RuntimeError:  # the executor was shut down without the server: it takes no more, others may
                self._messages.appendleft(delivery)
                self.consumers.remove(ready)


class Listener(base.Listener):
    """A server's place at its queues. No thread waits here: whoever sends or finishes hands over the next message."""

    def __init__(self, broker: "Broker", queues: list[Queue], own: list[tuple[Key, str]]):
        super().__init__(batch_size=1, batch_timeout=None)
        self.broker = broker
        self._queues = queues
        self._own = own
        self.credit = PREFETCH

    def start(self, on_incoming_callback: Callable[[list["Incoming"]], None]) -> None:
        """Begin to consume."""
        with self.broker.lock:
            super().start(on_incoming_callback)
            for one in self._queues:
                one.consumers.append(self)
            self._pump()

    def give(self, source: Queue, delivery: Delivery) -> None:
        """Pass one message to the server's executor."""
        self.credit -= 1
        self.on_incoming_callback([Incoming(self, source, delivery)])

    def taken(self) -> None:
        """A worker has taken up what it was given: it is ready for the next one."""
        with self.broker.lock:
            self.credit += 1
            self._pump()

    def _pump(self) -> None:
        for one in self._queues:
            one.pump()

    def stop(self) -> None:
        """Consume no more; what waits stays in the queues."""
        with self.broker.lock:
            for one in self._queues:
                with contextlib.suppress(ValueError):
                    one.consumers.remove(self)
            for key, name in self._own:
                self.broker.bindings.get(key, {}).pop(name, None)
            super().stop()

    def cleanup(self) -> None:
        """Stop."""
        self.stop()


class Broker:
    """All queues of one virtual host: ``bindings`` says which queues get a copy of what is sent to a key."""

    def __init__(self, vhost: str):
        self.vhost = vhost
        self.lock = threading.RLock()
        self.bindings: dict[Key, dict[str, Queue]] = {}
        self.injector: Injector | None = None
        self.users = 0

    def bind(self, key: Key, name: str) -> Queue:
        """Return the queue ``name`` that takes what is sent to ``key``, made when it does not exist."""
        with self.lock:
            queues = self.bindings.setdefault(key, {})
            if name not in queues:
                queues[name] = Queue(self, name)
            return queues[name]

    def publish(self, key: Key, delivery: Delivery, limit: int) -> None:
        """Put ``delivery`` into every queue of ``key``; into none when there is none, as a broker does."""
        self.pass_on(delivery.passing, lambda: self._route(key, delivery, limit))

    def pass_on(self, passing: Passing, deliver: Callable[[], None]) -> None:
        """Deliver, or let the installed fault plan decide."""
        injector = self.injector
        if injector is None:
            deliver()
        else:
            injector.pass_on(passing, deliver)

    def _route(self, key: Key, delivery: Delivery, limit: int) -> None:
        with self.lock:
            queues = tuple(self.bindings.get(key, {}).values())
            for one in queues:
                try:
                    one.put(delivery, limit)
                except exceptions.MessageDeliveryFailure as error:
                    if delivery.passing.kind != "fanout":
                        raise
                    LOG.warning("A fanout missed one of %d servers: %s", len(queues), error)


_brokers: dict[str, Broker] = {}
_brokers_lock = threading.Lock()


def join(vhost: str) -> Broker:
    """Return the broker of ``vhost`` for one more user."""
    with _brokers_lock:
        broker = _brokers.setdefault(vhost, Broker(vhost))
        broker.users += 1
        return broker


def release(broker: Broker) -> None:
    """Count a user out; the last one takes the broker and its queues along."""
    with _brokers_lock:
        broker.users -= 1
        if broker.users <= 0 and _brokers.get(broker.vhost) is broker:
            del _brokers[broker.vhost]
