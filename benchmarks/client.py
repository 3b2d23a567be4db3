"""A client that costs next to nothing, so that the server gets the machine: one thread, raw sockets, bytes made before.

Two ways to load: :func:`closed` keeps every connection busy and finds the highest rate; :func:`paced` sends at a given
rate whatever comes back, and counts a request's time from when it was due, not from when a connection was free for it.
"""

import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

from benchmarks.figures import NotMeasuredError

TIMEOUT_S = 120.0


class Answer(msgspec.Struct):
    """A response with the seconds it took."""

    status: int
    body: bytes
    seconds: float


def request(method: str, path: str, *, body: object = None, token: str = "", microversion: str = "2.96") -> bytes:
    """Return a whole HTTP request."""
    data = b"" if body is None else msgspec.json.encode(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
    if data:
        head += "Content-Type: application/json\r\n"
    if token:
        head += f"X-Auth-Token: {token}\r\nOpenStack-API-Version: compute {microversion}\r\n"
    return head.encode() + b"\r\n" + data


class Line:
    """One persistent connection with at most one request under way. It connects when it has something to send."""

    def __init__(self, port: int):
        self._port = port
        self.socket: socket.socket | None = None
        self.since = 0.0
        self.is_ended = False
        self._read = bytearray()
        self._size = -1
        self._body_at = 0

    def connect(self) -> None:
        """Connect unless it is connected: a server may end a connection with an answer, and says so in its head."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.is_ended = False

    def send(self, data: bytes, since: float) -> None:
        """Send a request whose time counts from ``since``."""
        self.connect()
        self.since, self._size = since, -1
        self._read.clear()
        self.socket.sendall(data)

    def receive(self) -> Answer | None:
        """Read what has come; return the answer once it is whole."""
        part = self.socket.recv(1 << 18)
        if not part:
            raise NotMeasuredError("the server closed a connection in the middle of a request")
        self._read += part
        if self._size < 0:
            end = self._read.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = bytes(self._read[:end]).lower()
            self._body_at, self._size = end + 4, _content_length(head)
            self.is_ended = b"\r\nconnection: close" in head
        if len(self._read) < self._body_at + self._size:
            return None
        body = bytes(self._read[self._body_at : self._body_at + self._size])
        return Answer(int(self._read[9:12]), body, time.perf_counter() - self.since)

    def ask(self, data: bytes) -> Answer:
        """Send a request and wait for its answer."""
        self.send(data, time.perf_counter())
        while (answer := self.receive()) is None:
            pass
        if self.is_ended:
            self.close()
        return answer

    def close(self) -> None:
        """Close the connection."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise NotMeasuredError(f"an answer without Content-Length: {head[:80]!r}")


class _Lines:
    """Connections of which some are busy."""

    def __init__(self, port: int, count: int):
        self.idle = [Line(port) for _ in range(count)]
        self._all = list(self.idle)
        self._selector = selectors.DefaultSelector()

    def send(self, data: bytes, since: float) -> None:
        line = self.idle.pop()
        if line.socket is None:
            line.connect()
            self._selector.register(line.socket, selectors.EVENT_READ, line)
        line.send(data, since)

    def wait(self, timeout_s: float) -> Iterable[Answer]:
        for key, _ in self._selector.select(timeout_s):
            line = key.data
            answer = line.receive()
            if answer is not None:
                if line.is_ended:
                    self._selector.unregister(line.socket)
                    line.close()
                self.idle.append(line)
                yield answer

    def close(self) -> None:
        self._selector.close()
        for line in self._all:
            line.close()


def closed(port: int, requests: Sequence[bytes], *, connections: int) -> list[Answer]:
    """Send all requests as fast as ``connections`` connections carry them."""
    waiting, answers, lines = deque(requests), [], _Lines(port, connections)
    deadline = time.perf_counter() + TIMEOUT_S
    while len(answers) < len(requests):
        while waiting and lines.idle:
            lines.send(waiting.popleft(), time.perf_counter())
        answers += lines.wait(1.0)
        _hurry(deadline, len(answers), len(requests))
    lines.close()
    return answers


def paced(port: int, requests: Sequence[bytes], *, per_second: float, connections: int) -> list[Answer]:
    """Send all requests, one every ``1 / per_second`` seconds."""
    answers, lines, sent = [], _Lines(port, connections), 0
    start = time.perf_counter()
    deadline = start + TIMEOUT_S + len(requests) / per_second
    while len(answers) < len(requests):
        now = time.perf_counter()
        while sent < len(requests) and lines.idle and (due := start + sent / per_second) <= now:
            lines.send(requests[sent], due)
            sent += 1
        pause = start + sent / per_second - time.perf_counter() if sent < len(requests) and lines.idle else 1.0
        answers += lines.wait(max(0.0, pause))
        _hurry(deadline, len(answers), len(requests))
    lines.close()
    return answers


def _hurry(deadline: float, done: int, wanted: int) -> None:
    if time.perf_counter() > deadline:
        raise NotMeasuredError(f"only {done} of {wanted} requests were answered in time")
