"""What local:// does beyond the bus contract of tests/contracts/test_bus.py."""

import statistics
import threading
import time

import oslo_messaging
import pytest

from corenova.exceptions import Unavailable
from corenova.rpc import broker
from corenova.rpc.transport import Caller


def test_a_hop_is_far_below_a_millisecond(cloud):
    def hop() -> float:
        begin = time.perf_counter()
        cloud.caller.call("hear", timeout_s=5, word=1)
        return time.perf_counter() - begin

    hop()
    # The target is 0.6 ms on a machine of one's own; polling of any kind would cost tens of milliseconds.
    assert statistics.median(hop() for _ in range(200)) < 0.003


def test_virtual_hosts_do_not_hear_each_other(make_cloud):
    first, second = make_cloud(), make_cloud()
    first.server.start()
    second.server.start()
    assert first.caller.cast("hear", word="first")
    assert first.hears("first")
    assert second.heard == []


def test_two_transports_of_one_virtual_host_meet(cloud):
    other = cloud.connect()
    assert Caller(other, "conductor", "conductor").call("hear", timeout_s=5, word="hello") == "hello"
    other.cleanup()


def test_a_full_queue_refuses_at_once_and_keeps_what_it_has(make_cloud):
    cloud = make_cloud("?queue_limit=5")
    cloud.server.start()
    cloud.server.stop()
    assert [cloud.caller.cast("hear", word=n) for n in range(7)] == [True] * 5 + [False] * 2
    begin = time.monotonic()
    with pytest.raises(Unavailable, match="in conductor: it is full"):
        cloud.caller.call("hear", timeout_s=30, word="too much")
    assert time.monotonic() - begin < 1
    cloud.server.start()
    assert cloud.hears(0, 1, 2, 3, 4)
    assert cloud.caller.cast("hear", word="room again")


def test_what_a_busy_server_cannot_take_waits_in_the_bounded_queue(make_cloud):
    cloud = make_cloud("?queue_limit=5")
    cloud.server.start()
    cloud.gate.clear()
    taken = [n for n in range(50) if cloud.caller.cast("hear", word=n)]
    assert 5 <= len(taken) <= 5 + broker.PREFETCH + 1
    cloud.gate.set()
    assert cloud.hears(*taken)


def test_one_worker_hears_in_the_order_of_sending(cloud):
    for number in range(300):
        cloud.caller.cast("hear", word=number)
    assert cloud.hears(*range(300))
    assert cloud.heard == list(range(300))


def test_a_call_that_waited_too_long_is_never_run(make_cloud):
    cloud = make_cloud()
    cloud.server.start()
    cloud.server.stop()
    with pytest.raises(Unavailable):
        cloud.caller.call("hear", timeout_s=0.05, word="expired")
    assert cloud.caller.cast("hear", word="casts do not expire")
    cloud.server.start()
    assert cloud.hears("casts do not expire")


def test_a_result_that_json_cannot_carry_is_an_error_and_no_timeout(cloud):
    with pytest.raises(oslo_messaging.RemoteError, match="TypeError"):
        cloud.caller.call("answer_rubbish", timeout_s=5)


def test_an_argument_that_json_cannot_carry_is_the_senders_error(cloud):
    with pytest.raises(TypeError):
        cloud.caller.cast("hear", word=object())


def test_heartbeats_keep_a_monitored_call_alive(cloud):
    target = oslo_messaging.Target(topic="conductor", namespace="conductor", version="1.0")
    client = oslo_messaging.get_rpc_client(cloud.transport, target, timeout=10, call_monitor_timeout=2)
    assert client.call({}, "sleep", seconds=2.4) is None


def test_a_monitored_call_of_a_dead_server_ends_early(make_cloud):
    cloud = make_cloud()
    cloud.server.start()
    cloud.server.stop()
    target = oslo_messaging.Target(topic="conductor", namespace="conductor", version="1.0")
    client = oslo_messaging.get_rpc_client(cloud.transport, target, timeout=30, call_monitor_timeout=0.1)
    begin = time.monotonic()
    with pytest.raises(oslo_messaging.MessagingTimeout):
        client.call({}, "hear", word=1)
    assert time.monotonic() - begin < 5


def test_stop_wakes_at_once(cloud):
    assert cloud.caller.call("hear", timeout_s=5, word=1)
    begin = time.monotonic()
    assert cloud.server.stop(5)
    assert time.monotonic() - begin < 0.5
    assert not [one for one in threading.enumerate() if one.name.startswith("rpc-conductor")]


def test_the_last_transport_takes_the_queues_along(make_cloud):
    cloud = make_cloud()
    assert cloud.vhost in broker._brokers
    cloud.transport.cleanup()
    cloud.transport.cleanup()
    assert cloud.vhost not in broker._brokers


class _Ear:
    def __init__(self, *, refusals: int = 0):
        self.heard: list[object] = []
        self._refusals = refusals

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        if self._refusals:
            self._refusals -= 1
            return oslo_messaging.NotificationResult.REQUEUE
        self.heard.append((event_type, payload))
        return None


def _notifications(cloud):
    conf = cloud.transport.conf
    transport = oslo_messaging.get_notification_transport(conf, cloud.url)
    notifier = oslo_messaging.Notifier(transport, "test", driver="messagingv2", topics=["versioned"], retry=0)
    return transport, notifier


def test_notifications_wait_for_their_listener_and_may_be_requeued(make_cloud):
    cloud = make_cloud()
    transport, notifier = _notifications(cloud)
    notifier.info({}, "instance.create", {"n": 1})
    ear = _Ear(refusals=2)
    listener = oslo_messaging.get_notification_listener(
        transport, [oslo_messaging.Target(topic="versioned")], [ear], allow_requeue=True
    )
    listener.start()
    notifier.info({}, "instance.delete", {"n": 2})
    deadline = time.monotonic() + 3
    while len(ear.heard) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    listener.stop()
    listener.wait()
    transport.cleanup()
    assert sorted(ear.heard) == [("instance.create", {"n": 1}), ("instance.delete", {"n": 2})]
