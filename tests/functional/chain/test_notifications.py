"""Notifications: Nova's versioned ones for whoever wants them, and none by default."""

import threading

import oslo_messaging
import pytest

from corenova.objects.request_spec import Flavor
from corenova.objects.states import Step

VERSIONED = {"notifications": {"notification_format": "versioned"}}
BIG = Flavor(flavorid="9", name="m9.huge", vcpus=1, memory_mb=10**6, root_gb=1)


class Heard:
    """A listener's endpoint: notes (priority, event type, payload)."""

    def __init__(self):
        self.notes = []
        self._lock = threading.Lock()

    def _note(self, priority, publisher_id, event_type, payload):
        with self._lock:
            self.notes.append((priority, publisher_id, event_type, payload))

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self._note("info", publisher_id, event_type, payload)

    def error(self, ctxt, publisher_id, event_type, payload, metadata):
        self._note("error", publisher_id, event_type, payload)

    def of(self, uuid):
        return [(priority, event) for priority, _, event, p in self.notes if p["nova_object.data"]["uuid"] == uuid]


@pytest.fixture
def listen():
    """Give a function that listens on the bus of a cloud and returns what is heard."""
    listeners = []

    def start(cloud, topic="versioned_notifications"):
        heard, conf = Heard(), cloud.conf("listener")
        transport = oslo_messaging.get_notification_transport(conf, conf.transport_url)
        listener = oslo_messaging.get_notification_listener(
            transport, [oslo_messaging.Target(topic=topic)], [heard], executor="threading"
        )
        listener.start()
        listeners.append(listener)
        return heard

    yield start
    for listener in listeners:
        listener.stop()
        listener.wait()


def test_a_listener_hears_the_events_of_a_life(make_cloud, listen):
    cloud = make_cloud(VERSIONED)
    heard = listen(cloud)
    uuid = cloud.create_server(name="web")
    cloud.wait_for(uuid)
    for step, state in ((Step.STOP, "stopped"), (Step.START, "active")):
        cloud.action(uuid, step)
        cloud.wait_for(uuid, state)
    cloud.delete(uuid)
    cloud.wait_for(uuid, "deleted")
    life = ["update", "create.end", "power_off.end", "power_on.end", "delete.end"]
    cloud.wait(lambda: len(heard.of(uuid)) == len(life), what="all events are heard")
    assert sorted(heard.of(uuid)) == sorted(("info", f"instance.{event}") for event in life)


def test_the_payload_is_novas(make_cloud, listen):
    cloud = make_cloud(VERSIONED)
    heard = listen(cloud)
    uuid = cloud.create_server(name="web")
    cloud.wait_for(uuid)
    cloud.wait(lambda: ("info", "instance.create.end") in heard.of(uuid), what="the end of the create is heard")
    ((publisher, payload),) = [(who, p) for _, who, event, p in heard.notes if event == "instance.create.end"]
    assert publisher.startswith("corenova:")
    assert {key: payload[f"nova_object.{key}"] for key in ("name", "namespace")} == {
        "name": "InstancePayload",
        "namespace": "nova",
    }
    data = payload["nova_object.data"]
    assert (data["uuid"], data["display_name"], data["state"]) == (uuid, "web", "active")
    assert data["host"] == cloud.server(uuid).host
    assert data["state_update"] == {"old_state": "building", "state": "active"}
    assert data["flavor"]["nova_object.data"]["name"] == "m1.nano"


def test_a_create_that_fails_is_an_error(make_cloud, listen):
    cloud = make_cloud(VERSIONED)
    heard = listen(cloud)
    uuid = cloud.create_server(flavor=BIG)
    cloud.wait_for(uuid, "error")
    cloud.wait(lambda: ("error", "instance.create.error") in heard.of(uuid), what="the error is heard")


def test_topics_are_those_of_the_ini(make_cloud, listen):
    cloud = make_cloud({"notifications": {**VERSIONED["notifications"], "versioned_notifications_topics": "mine"}})
    mine, other = listen(cloud, "mine"), listen(cloud)
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.wait(lambda: len(mine.of(uuid)) == 2, what="two events are heard")
    assert other.notes == []


def test_by_default_nothing_is_sent(cloud, listen):
    heard = listen(cloud)
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.delete(uuid)
    cloud.wait_for(uuid, "deleted")
    assert heard.notes == []
    assert not cloud.parts("conductor").events.wanted
