"""The bus contract: what services rely on, the same on local:// and on rabbit://."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import oslo_messaging
import pytest
from oslo_config import cfg

from corenova import exceptions
from corenova.objects.request_spec import Flavor, RequestSpec, SelectRequest
from corenova.rpc.server import RpcServer, expose
from corenova.rpc.transport import Caller, build_client, build_transport

FLAVOR = Flavor(flavorid="1", name="m1", vcpus=1, memory_mb=512, root_gb=1)
REQUEST = SelectRequest(spec=RequestSpec(project_id="p", user_id="u", flavor=FLAVOR), instances=(("i", 1),))


class Endpoint:
    """A service that remembers what it was asked."""

    def __init__(self, name: str = ""):
        self.name = name
        self.heard: list[object] = []
        self.released = threading.Event()
        self.entered = threading.Event()

    @expose
    def hear(self, ctxt, word):
        self.heard.append(word)
        return self.name

    @expose
    def echo(self, ctxt, value):
        return value

    @expose
    def spoil(self, ctxt, value):
        value["list"].append("spoilt")
        value["new"] = True
        return value

    @expose
    def fail(self, ctxt, kind):
        if kind == "ours":
            raise exceptions.NoValidHost("No host has 9 VCPU.")
        if kind == "foreign":
            raise cfg.NoSuchOptError("secret")
        return {}[kind]

    @expose
    def block(self, ctxt):
        self.entered.set()
        self.released.wait(20)
        return "late"

    def hidden(self, ctxt):
        return "not for you"


class Bus:
    """One topic of one bus, and everything that a test opened on it."""

    def __init__(self, url: str):
        self.conf = cfg.ConfigOpts()
        self.conf([], default_config_files=[], default_config_dirs=[])
        self.transport = build_transport(self.conf, url)
        self.topic = f"topic-{uuid.uuid4().hex[:8]}"
        self.caller = Caller(self.transport, self.topic, "api")
        self._ends: list[Callable[[], object]] = [self.transport.cleanup]

    def serve(self, endpoint: Endpoint, address: str = "one") -> RpcServer:
        server = RpcServer(self.transport, self.topic, address, endpoint, namespace="api", executor_threads=4)
        server.start()
        self._ends += [lambda: server.stop(5), endpoint.released.set]
        return server

    def raw(self, *, mandatory: bool = False, timeout: float = 5, **target: object):
        """A client of the library itself, for what Caller does not do."""
        aim = oslo_messaging.Target(topic=self.topic, namespace="api", version="1.0", **target)
        options = oslo_messaging.TransportOptions(at_least_once=mandatory)
        return build_client(self.transport, aim, timeout=timeout).prepare(transport_options=options)

    def close(self) -> None:
        for end in reversed(self._ends):
            end()


@pytest.fixture(params=["local", pytest.param("rabbit", marks=pytest.mark.rabbit)])
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    local = f"local:///{uuid.uuid4().hex}"
    opened = Bus(local if request.param == "local" else request.getfixturevalue("rabbit_url"))
    yield opened
    opened.close()


def eventually(holds: Callable[[], object], timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(holds())


@pytest.mark.parametrize("value", [None, 1, 1.5, "ü", [1, [2]], {"a": {"b": None}}, REQUEST, [REQUEST] * 3, []])
def test_a_call_returns_an_equal_value(bus, value):
    bus.serve(Endpoint())
    assert bus.caller.call("echo", timeout_s=5, value=value) == value


def test_the_receiver_shares_no_object_with_the_sender(bus):
    bus.serve(Endpoint())
    mine = {"list": [1]}
    assert bus.caller.call("spoil", timeout_s=5, value=mine) == {"list": [1, "spoilt"], "new": True}
    assert mine == {"list": [1]}


def test_our_errors_arrive_as_they_were_raised(bus):
    bus.serve(Endpoint())
    with pytest.raises(exceptions.NoValidHost) as caught:
        bus.caller.call("fail", timeout_s=5, kind="ours")
    assert type(caught.value) is exceptions.NoValidHost
    assert str(caught.value) == "No host has 9 VCPU."


@pytest.mark.parametrize(("kind", "name"), [("foreign", "NoSuchOptError"), ("builtin", "KeyError")])
def test_all_other_errors_arrive_as_remote_error(bus, kind, name):
    bus.serve(Endpoint())
    with pytest.raises(oslo_messaging.RemoteError, match=name):
        bus.caller.call("fail", timeout_s=5, kind=kind)


@pytest.mark.parametrize("method", ["hidden", "unheard_of", "target"])
def test_only_exposed_verbs_can_be_called(bus, method):
    bus.serve(Endpoint())
    with pytest.raises(oslo_messaging.RemoteError, match="NoSuchMethod"):
        bus.caller.call(method, timeout_s=5)


def test_a_newer_version_is_refused(bus):
    bus.serve(Endpoint())
    with pytest.raises(oslo_messaging.RemoteError, match="UnsupportedVersion"):
        Caller(bus.transport, bus.topic, "api", version="1.1").call("echo", timeout_s=5, value=1)


def test_monitored_calls_of_unknown_verbs_leave_no_thread_behind(bus):
    bus.serve(Endpoint())
    client = bus.raw().prepare(call_monitor_timeout=2)
    for _ in range(3):
        with pytest.raises(oslo_messaging.RemoteError, match="NoSuchMethod"):
            client.call({}, "unheard_of")
    assert not [one.name for one in threading.enumerate() if "_watchdog" in one.name]


def test_a_directed_message_to_a_server_that_never_was_is_known_to_be_lost(bus):
    bus.serve(Endpoint(), "one")
    begin = time.monotonic()
    assert bus.caller.cast("hear", server="nobody", word=1) is False
    with pytest.raises(exceptions.Unavailable, match=r"Nobody listens as topic-.* nobody"):
        bus.caller.call("hear", server="nobody", timeout_s=20, word=1)
    with pytest.raises(oslo_messaging.MessageUndeliverable):
        bus.raw(mandatory=True, server="nobody").cast({}, "hear", word=1)
    assert time.monotonic() - begin < 5


def test_a_cast_before_the_first_server_is_lost_and_one_after_it_is_not(bus):
    bus.raw().cast({}, "hear", word="early")
    assert bus.caller.cast("hear", word="early") is False
    endpoint = Endpoint()
    bus.serve(endpoint)
    assert bus.caller.cast("hear", word="in time") is True
    assert eventually(lambda: endpoint.heard) and endpoint.heard == ["in time"]


def test_a_directed_message_reaches_that_server_alone(bus):
    endpoints = {name: Endpoint(name) for name in ("one", "two")}
    for name, endpoint in endpoints.items():
        bus.serve(endpoint, name)
    assert [bus.caller.call("hear", server="two", timeout_s=5, word=n) for n in range(4)] == ["two"] * 4
    assert bus.caller.cast("hear", server="one", word="for one")
    assert eventually(lambda: endpoints["one"].heard == ["for one"])
    assert endpoints["two"].heard == [0, 1, 2, 3]


def test_the_servers_of_a_topic_share_its_messages(bus):
    endpoints = [Endpoint("one"), Endpoint("two")]
    for endpoint in endpoints:
        bus.serve(endpoint, endpoint.name)
    for number in range(20):
        assert bus.caller.cast("hear", word=number)
    assert eventually(lambda: sum(len(endpoint.heard) for endpoint in endpoints) == 20)
    assert sorted(endpoints[0].heard + endpoints[1].heard) == list(range(20))
    assert all(5 <= len(endpoint.heard) <= 15 for endpoint in endpoints)


def test_fanout_reaches_every_server(bus):
    endpoints = [Endpoint("one"), Endpoint("two")]
    for endpoint in endpoints:
        bus.serve(endpoint, endpoint.name)
    bus.raw(fanout=True).cast({}, "hear", word="all")
    assert eventually(lambda: all(endpoint.heard == ["all"] for endpoint in endpoints))


def test_a_late_answer_is_unavailable_and_does_not_confuse_the_next_call(bus):
    endpoint = Endpoint()
    bus.serve(endpoint)
    with pytest.raises(exceptions.Unavailable, match="did not answer block in time"):
        bus.caller.call("block", timeout_s=0.3)
    endpoint.released.set()
    assert [bus.caller.call("echo", timeout_s=5, value=n) for n in range(5)] == list(range(5))


@pytest.mark.parametrize("server", [None, "one"])
def test_messages_wait_for_a_server_that_restarts(bus, server):
    first = Endpoint("first")
    running = bus.serve(first)
    assert bus.caller.call("hear", timeout_s=5, word=0) == "first"
    assert running.stop(5)
    for number in (1, 2, 3):
        assert bus.caller.cast("hear", server=server, word=number)
    second = Endpoint("second")
    bus.serve(second)
    assert eventually(lambda: len(second.heard) == 3)
    assert (first.heard, sorted(second.heard)) == ([0], [1, 2, 3])


def test_the_same_server_object_starts_again(bus):
    endpoint = Endpoint("again")
    server = bus.serve(endpoint)
    for _ in range(2):
        assert server.stop(5)
        server.start()
        assert bus.caller.call("hear", timeout_s=5, word=0) == "again"


def test_stop_lets_a_running_handler_finish(bus):
    endpoint = Endpoint()
    server = bus.serve(endpoint)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(bus.caller.call("block", timeout_s=10)))
    asking.start()
    assert endpoint.entered.wait(5)
    threading.Timer(0.1, endpoint.released.set).start()
    assert server.stop(10) is True
    asking.join(10)
    assert answers == ["late"]


def test_stop_waits_for_a_hanging_handler_no_longer_than_told(bus):
    endpoint = Endpoint()
    server = bus.serve(endpoint)
    bus.caller.cast("block")
    assert endpoint.entered.wait(5)
    begin = time.monotonic()
    assert server.stop(0.2) is False
    assert time.monotonic() - begin < 1
    endpoint.released.set()
