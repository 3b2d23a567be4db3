"""The HTTP server in front: clients that say nothing must not keep others from being served."""

import http.client
import socket

import pytest
from oslo_config import cfg

from corenova.cmd.api import Front
from corenova.cmd.parts import Parts
from corenova.cmd.process import configure


@pytest.fixture
def front(tmp_path):
    file = tmp_path / "corenova.conf"
    file.write_text(f"[DEFAULT]\nstate_path = {tmp_path}\n[api]\nbind_port = 0\nthreads = 4\n")
    conf = cfg.ConfigOpts()
    configure(conf, ["--config-file", str(file)], prog="test")
    front = Front(Parts(conf))

    def hello(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return [b"hi"]

    front.mount(hello)
    front.start()
    yield front
    front.stop()


def test_silent_connections_block_nobody(front):
    silent = [socket.create_connection(("127.0.0.1", front.port)) for _ in range(12)]
    client = http.client.HTTPConnection("127.0.0.1", front.port, timeout=5)
    client.request("GET", "/")
    assert client.getresponse().read() == b"hi"
    for one in silent:
        one.close()


def test_many_clients_may_keep_their_connection(front):
    clients = [http.client.HTTPConnection("127.0.0.1", front.port, timeout=5) for _ in range(30)]
    for _ in range(2):
        for client in clients:
            client.request("GET", "/")
            answer = client.getresponse()
            assert answer.read() == b"hi"
            assert answer.headers.get("Connection") != "close"
