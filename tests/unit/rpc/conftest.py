"""One in-process bus a test, and a service on it that notes what it hears."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from oslo_config import cfg

from corenova.rpc.server import RpcServer, expose
from corenova.rpc.transport import Caller, build_transport


class Cloud:
    """A virtual host of local:// with one topic, ``conductor``, and its Caller."""

    def __init__(self, query: str = ""):
        self.vhost = f"test-{uuid.uuid4().hex[:8]}"
        self.heard: list[object] = []
        self.gate = threading.Event()
        self.gate.set()
        self.url = f"local:///{self.vhost}{query}"
        self.transport = self.connect()
        self.server = RpcServer(self.transport, "conductor", "one", self, executor_threads=1)
        self.caller = Caller(self.transport, "conductor", "conductor")

    def connect(self):
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        return build_transport(conf, self.url)

    @expose
    def hear(self, ctxt, word):
        self.gate.wait(10)
        self.heard.append(word)
        return word

    @expose
    def answer_rubbish(self, ctxt):
        return object()

    @expose
    def sleep(self, ctxt, seconds):
        time.sleep(seconds)

    def hears(self, *words: object, timeout_s: float = 3.0) -> bool:
        """Wait until exactly ``words`` were heard, in any order, and a moment more for what is too much."""
        deadline = time.monotonic() + timeout_s
        while len(self.heard) < len(words) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(0.02)
        return sorted(map(str, self.heard)) == sorted(map(str, words))

    def close(self) -> None:
        self.gate.set()
        self.server.stop(2)
        self.transport.cleanup()


@pytest.fixture
def make_cloud() -> Iterator[Callable[..., Cloud]]:
    """Make clouds, each with a bus of its own, whose server is not yet started."""
    made: list[Cloud] = []

    def make(query: str = "") -> Cloud:
        made.append(Cloud(query))
        return made[-1]

    yield make
    for cloud in made:
        cloud.close()


@pytest.fixture
def cloud(make_cloud: Callable[..., Cloud]) -> Cloud:
    """A cloud whose conductor listens."""
    made = make_cloud()
    made.server.start()
    return made
