"""The bytes of images, on their way between the image service and a driver: plain HTTP with a ticket.

A driver is handed this as ``DriverContext.images`` and knows nothing of HTTP. Whatever arrives is held against what the
order said about it before anybody boots from it.
"""

import contextlib
import hashlib
import http.client
import os
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import BinaryIO

from corenova.exceptions import BuildAbort, CorenovaError, DriverError, Unavailable
from corenova.objects.image import ImageAccess

_CHUNK = 1024 * 1024
_GONE = (404, 410)


class _Again(Exception):
    """Another try may succeed; ``error`` is what to raise when there is none left."""

    def __init__(self, error: CorenovaError):
        super().__init__(str(error))
        self.error = error


class HttpImageTransfer:
    """Implements corenova.contracts.image.ImageTransfer. Used by many threads at once.

    :param timeout_s: without a byte after which a connection is lost.
    :param tries: at connections, when they are lost or the image service says that it cannot now.
    :param wait_s: between the first try and the second; it doubles from try to try.
    """

    def __init__(self, *, timeout_s: float = 60, tries: int = 6, wait_s: float = 0.5):
        self._timeout_s = timeout_s
        self._tries = tries
        self._wait_s = wait_s

    def fetch(self, access: ImageAccess, file: BinaryIO) -> None:
        """Write all bytes of the image to ``file``, from its position on, and hold size and hash against ``access``.

        :raises BuildAbort: the image is gone, or is not what it should be.
        :raises Unavailable: it cannot be had now.
        """
        start = file.tell()

        def once() -> None:
            file.seek(start)
            file.truncate()  # an earlier try may have left something
            self._fetch(access, file)

        self._persist(once)

    def send(self, access: ImageAccess, file: BinaryIO, *, disk_format: str) -> None:
        """Upload the bytes of ``file``, from its position to its end. Bytes that are there already are accepted.

        :raises DriverError: they are refused, or the image is gone.
        :raises Unavailable: the image service cannot be reached.
        """
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start

        def once() -> None:
            file.seek(start)
            self._send(access, file, size, disk_format)

        self._persist(once)

    def _persist(self, once: Callable[[], None]) -> None:
        for number in range(self._tries):
            try:
                return once()
            except _Again as again:
                if number + 1 == self._tries:
                    raise again.error from again
            time.sleep(self._wait_s * 2**number)
        return None

    def _fetch(self, access: ImageAccess, file: BinaryIO) -> None:
        digest = hashlib.new(access.hash_algo) if access.hash_algo and access.hash_value else None
        size = 0
        with self._connection(access) as connection:
            response = _answer(access, connection, "GET")
            if response.status != 200:
                raise _refusal(access, response, BuildAbort)
            for chunk in _received(access, response):
                size += len(chunk)
                if access.size is not None and size > access.size:
                    break
                _write(file, chunk)
                if digest is not None:
                    digest.update(chunk)
        if access.size not in (None, size):
            raise BuildAbort(f"Image {access.image_id} does not have the {access.size} bytes that it should have.")
        if digest is not None and digest.hexdigest() != access.hash_value:
            raise BuildAbort(f"Image {access.image_id} is not what it should be: its {access.hash_algo} differs.")

    def _send(self, access: ImageAccess, file: BinaryIO, size: int, disk_format: str) -> None:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            "X-Image-Disk-Format": disk_format,
        }
        with self._connection(access) as connection:
            response = _answer(access, connection, "PUT", headers=headers, body=_chunks(file, size))
            if response.status != 204:
                raise _refusal(access, response, DriverError)

    @contextlib.contextmanager
    def _connection(self, access: ImageAccess) -> Iterator[http.client.HTTPConnection]:
        parts = urllib.parse.urlsplit(access.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=self._timeout_s)
        try:
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def _on_the_wire(access: ImageAccess) -> Iterator[None]:
    """Tell what goes wrong with the connection from what goes wrong with the driver's file."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        cause = str(error) or type(error).__name__
        raise _Again(Unavailable(f"The image service at {access.url} cannot be reached: {cause}.")) from error


def _answer(
    access: ImageAccess,
    connection: http.client.HTTPConnection,
    verb: str,
    *,
    headers: dict[str, str] | None = None,
    body: Iterator[bytes] | None = None,
) -> http.client.HTTPResponse:
    """Send a request and return the head of its answer."""
    path = urllib.parse.urlsplit(access.url).path
    with _on_the_wire(access):
        connection.connect()
        # Refused before all was sent: the answer that says why may have arrived all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(verb, path, body=body, headers={**(headers or {}), **access.headers})
        return connection.getresponse()


def _received(access: ImageAccess, response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        with _on_the_wire(access):
            chunk = response.read(_CHUNK)
            if not chunk and response.length:
                raise ConnectionError(f"it hung up {response.length} bytes before the end")
        if not chunk:
            return
        yield chunk


def _refusal(access: ImageAccess, response: http.client.HTTPResponse, kind: type[DriverError]) -> Exception:
    """Return the error that an answer means."""
    with _on_the_wire(access):
        said = response.read(2000).decode("utf-8", "replace")
    code = response.status
    if code in _GONE:
        return kind(f"Image {access.image_id} is gone.")
    if code == 401:
        return Unavailable(f"The ticket for image {access.image_id} is not, or no longer, good.")
    if code >= 500:
        return _Again(Unavailable(f"The image service answers {code} for image {access.image_id}: {said}"))
    refusal = kind(f"The image service refuses image {access.image_id} with {code}: {said}")
    # 409: an upload that was lost on the way may not be over yet at the other end.
    return _Again(refusal) if code == 409 else refusal


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := file.read(min(_CHUNK, size))):
        size -= len(chunk)
        yield chunk


def _write(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]
