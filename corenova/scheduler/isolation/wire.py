"""What goes between a scheduler and the process of an isolated plug-in: questions there, answers back.

Questions are pickled: they are our own values, and the process trusts us as it is. Answers are msgpack and decoded by
type, for a plug-in may have written into the pipe what it likes.
"""

import socket
import struct
import time

import msgspec
import numpy as np

from corenova.objects.host_row import HostRow
from corenova.objects.request_spec import RequestSpec

_SIZE = struct.Struct("!Q")
_MOST_BYTES = 2**26
"""No answer is longer: eight bytes a host are enough."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told on its command line.

    :param memory_mb: how large its address space may become, in MiB; 0: as large as it likes.
    :param timeout_s: how long it may think about one question before it ends by itself, its parent being dead.
    """

    group: str
    name: str
    config_files: list[str]
    config_dirs: list[str]
    memory_mb: int
    timeout_s: float


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the plug-in.

    :param verb: ``mask``, ``weights``, ``applies``, ``scale`` or ``reason``.
    :param rows: which hosts it is about; None: all.
    :param picture: all hosts, instead of those that the process knows, and the zone of those without one.
    :param changed: hosts that are otherwise than the process knows them.
    """

    verb: str
    spec: RequestSpec | None = None
    rows: np.ndarray | None = None
    picture: tuple[str, list[HostRow]] | None = None
    changed: list[HostRow] = []


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of it; which field it is in depends on the verb. The first answer comes unasked: the plug-in is loaded.

    :param column: a bool or a float64 for each host.
    :param reads: what of the request was read.
    :param usage_read: whether something was read of the hosts that claims change.
    :param fault: what went wrong, for some hosts at least; empty when all went well.
    :param failures: of a mask, the faults by the positions of the hosts.
    :param is_last: the process ends now and must be replaced.
    """

    column: bytes = b""
    applies: bool = False
    scale: tuple[float, float] = (0.0, 0.0)
    words: str = ""
    reads: tuple[str, ...] = ()
    usage_read: bool = False
    fault: str = ""
    failures: dict[int, str] = {}
    is_last: bool = False


encode_answer = msgspec.msgpack.Encoder().encode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def send(channel: socket.socket, message: bytes, *, deadline: float | None = None) -> None:
    """Send a message.

    :param deadline: until when by ``time.monotonic()``; None: whenever the other side takes it.
    :raises OSError: the other side has gone; TimeoutError: it has not taken it.
    """
    _limit(channel, deadline)
    channel.sendall(_SIZE.pack(len(message)) + message)


def receive(channel: socket.socket, *, deadline: float | None = None) -> bytes:
    """Return the next message.

    :param deadline: as of :func:`send`; a message with a deadline comes from a plug-in and may not be of any length.
    :raises EOFError: the other side has gone.
    :raises OSError: so it has, in another way; TimeoutError: there was no message.
    """
    (length,) = _SIZE.unpack(_exactly(channel, _SIZE.size, deadline))
    if deadline is not None and length > _MOST_BYTES:
        raise EOFError("what came is no message")
    return _exactly(channel, length, deadline)


def _exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    found = bytearray()
    while len(found) < count:
        _limit(channel, deadline)
        part = channel.recv(min(count - len(found), 2**20))
        if not part:
            raise EOFError("the other side has gone")
        found += part
    return bytes(found)


def _limit(channel: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        channel.settimeout(None)
        return
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    channel.settimeout(left_s)
