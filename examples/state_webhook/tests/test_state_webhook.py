"""StateWebhook: the contract, and what a real receiver on this machine gets, or does not get."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from state_webhook import SIGNATURE, StateWebhook

from corenova import loader
from corenova.exceptions import PluginError
from corenova.testing.builders import instance
from corenova.testing.configuration import configuration
from corenova.testing.suites import HookSuite

NOBODY = "http://127.0.0.1:9/"


class TestContract(HookSuite):
    plugin = StateWebhook
    ini = {"StateWebhook": {"url": NOBODY, "attempts": 1}}


class Receiver:
    """An HTTP server that answers as it is told and notes what has come.

    :ivar answers: the codes of the next answers; then 204.
    :ivar bodies: what has come, whatever was answered.
    :ivar silent: while it is set, requests come in and are not answered.
    """

    def __init__(self):
        self.answers, self.bodies, self.headers = [], [], []
        self.silent, self._came = threading.Event(), threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                while self.silent.is_set() and not self.over.wait(0.01):
                    pass
                with self._came:
                    self.bodies.append(json.loads(body))
                    self.headers.append((dict(handler.headers), body))
                    code = self.answers.pop(0) if self.answers else 204
                    self._came.notify_all()
                handler.send_response(code)
                if code == 302:
                    handler.send_header("Location", self.url)
                handler.end_headers()

            def log_message(handler, *_):
                pass

        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def wait(self, count):
        """Return the first ``count`` bodies, when they have come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.bodies) >= count, 30), f"only {len(self.bodies)} came"
            return self.bodies[:count]

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hook(receiver):
    """Return a function that makes the hook with these options; all are stopped at the end."""
    made = []

    def make(**options):
        conf = configuration({"StateWebhook": {"url": receiver.url, "backoff_s": 0.001, **options}})
        made.append(loader.load_one(conf, loader.HOOKS, loader.give(conf, loader.HOOKS, StateWebhook)).object)
        return made[-1]

    yield make
    for one in made:
        one.service_stopped()


def told(hook, *states):
    for state in states:
        hook.state_changed(instance(state, vm_state=state, host="h1"), None)


def test_what_arrives_is_json_that_is_signed(hook, receiver):
    server = instance("first", vm_state="active", host="h1", project_id="lab")
    hook(secret="s3cret").state_changed(server, "building")
    (body,) = receiver.wait(1)
    assert {name: body[name] for name in ("server", "name", "project", "host", "from", "to")} == {
        "server": server.uuid, "name": "first", "project": "lab", "host": "h1", "from": "building", "to": "active",
    }  # fmt: skip
    headers, raw = receiver.headers[0]
    assert headers[SIGNATURE] == "sha256=" + hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest()
    assert headers["Content-Type"] == "application/json"


def test_without_a_secret_there_is_no_signature_and_only_chosen_states_are_told(hook, receiver):
    told(hook(states="active,error"), "building", "active", "stopped", "error")
    assert [body["to"] for body in receiver.wait(2)] == ["active", "error"]
    assert SIGNATURE not in receiver.headers[0][0]


@pytest.mark.parametrize("code", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again_and_is_the_same(hook, receiver, code):
    receiver.answers = [code, code]
    told(hook(), "active", "error")
    first, second, third, other = receiver.wait(4)
    assert first == second == third and other["to"] == "error"


@pytest.mark.parametrize("code", [400, 403, 404, 302])
def test_a_no_is_final_and_a_redirect_is_not_followed(hook, receiver, code, caplog):
    receiver.answers = [code]
    found = hook()
    told(found, "active", "error")
    assert [body["to"] for body in receiver.wait(2)] == ["active", "error"]
    found.service_stopped()
    assert (found.sent, found.dropped) == (1, 1)
    assert f"HTTP {code}" in caplog.text


def test_a_dead_receiver_costs_its_facts_and_nothing_else(hook, caplog):
    found = hook(url=NOBODY, attempts=2)
    told(found, "active")
    found.service_stopped()
    assert (found.sent, found.dropped) == (0, 1)
    assert "Connection refused" in caplog.text


def test_a_silent_receiver_delays_nobody_and_what_no_longer_fits_is_dropped(hook, receiver):
    receiver.silent.set()
    found = hook(queue_size=2, timeout_s=20)
    told(found, *["active"] * 9)  # returns although nobody answers
    assert found.dropped >= 6  # one is on its way, two wait
    receiver.silent.clear()
    kept = 9 - found.dropped
    receiver.wait(kept)
    found.service_stopped()
    assert found.sent == kept


def test_it_begins_again_after_a_stop(hook, receiver):
    found = hook()
    told(found, "active")
    receiver.wait(1)
    found.service_stopped()
    found.service_started()
    told(found, "error")
    assert receiver.wait(2)[1]["to"] == "error"


@pytest.mark.parametrize("url", ["", "ftp://here/", "https://", "here"])
def test_a_url_is_needed_and_must_be_one(hook, url):
    with pytest.raises(PluginError, match="is nothing to POST to"):
        hook(url=url)


@pytest.mark.cloud(hooks=[StateWebhook], ini={"StateWebhook": {"url": NOBODY, "attempts": 1}})
def test_servers_are_built_although_nobody_listens(cloud):
    servers = cloud.create_servers(5)
    cloud.wait_for(servers)
    cloud.wait(lambda: cloud.plugin("StateWebhook").dropped >= 5, what="five facts were given up")
