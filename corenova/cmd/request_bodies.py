"""Bodies of HTTP requests that nobody reads to the end, or that come in one enormous chunk, must not fill the memory.

The HTTP server reads what a handler has left of a body in one piece before it answers, and a chunk of a chunked body
too: with images on the same port, a refused upload of 100 GiB would be 100 GiB of memory.
"""

import contextlib

from cheroot import server, wsgi

_PIECE = 64 * 1024
_MOST_LEFT = 64 * 1024 * 1024
"""So much of an unread body is taken off the wire, so that the client gets to see its answer; then it is hung up."""


class Request(server.HTTPRequest):
    """A request that reads what is left of its body in small pieces, and hangs up when it is too much."""

    def send_headers(self) -> None:
        """Send the head of the answer."""
        if self.chunked_read:
            # What follows on this connection would be taken for the next request.
            self.close_connection = self.close_connection or not self.rfile.closed
        with contextlib.suppress(OSError):
            self._take_off()
        if self._has_more():
            self.close_connection = True
        super().send_headers()

    def _take_off(self) -> None:
        left = _MOST_LEFT
        while left > 0 and self._has_more():
            piece = self.rfile.read(_PIECE)
            if not piece:
                return
            left -= len(piece)

    def _has_more(self) -> bool:
        return getattr(self.rfile, "remaining", 0) > 0


class Chunks(server.ChunkedRFile):
    """A chunked body of which no chunk is read at once, however large it says it is."""

    _left = 0

    def _fetch(self) -> None:
        if self.closed:
            return
        if not self._left:
            self._left = self._size_line()
            if not self._left:
                self.closed = True
                return
        piece = self.rfile.read(min(self._left, _PIECE))
        if not piece:
            raise OSError("the connection was closed within a chunk")
        self._left -= len(piece)
        self.buffer += piece
        if not self._left and self.rfile.read(2) != b"\r\n":
            raise ValueError("a chunk does not end where it should")

    def _size_line(self) -> int:
        size = self.rfile.readline(256).partition(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            raise ValueError("a chunk does not say how large it is")
        return int(size, 16)


class Gateway(wsgi.Gateway_10):
    """Hands applications such bodies."""

    def __init__(self, req: server.HTTPRequest):
        if req.chunked_read:
            req.rfile = Chunks(req.conn.rfile, 0)
        super().__init__(req)


class Connection(server.HTTPConnection):
    """A connection whose requests are such."""

    RequestHandlerClass = Request
