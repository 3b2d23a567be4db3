"""The bytes of images over HTTP: in, and out again whole or in part."""

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO

from corenova.db import images as rows
from corenova.exceptions import Forbidden, InvalidInput
from corenova.image import faults
from corenova.image.call import Call
from corenova.image.formats import DISK_FORMATS
from corenova.image.uploads import Body

_CHUNK = 1024 * 1024
_TYPE = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Pieces:
    """Bytes ``first`` to ``first + size`` of a file, a MiB at a time; the file is closed at the end."""

    def __init__(self, file: BinaryIO, first: int, size: int):
        self._file = file
        self._first = first
        self.size = size

    def __iter__(self) -> Iterator[bytes]:
        """Yield them."""
        self._file.seek(self._first)
        left = self.size
        while left and (chunk := self._file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Called by the HTTP server, however it ended."""
        self._file.close()


def upload(call: Call) -> None:
    """PUT /v2/images/ID/file; 204 when the image is active."""
    image = call.image()
    if (call.header("Content-Type") or _TYPE).partition(";")[0].strip().lower() != _TYPE:
        raise faults.UnsupportedMediaType(f"The content type of the bytes of an image must be {_TYPE}.")
    length = _number(call, "Content-Length")
    if length is None and not call.header("Transfer-Encoding"):
        raise faults.LengthRequired("The request has neither Content-Length nor chunked encoding.")
    told = _number(call, "X-OpenStack-Image-Size")
    if None not in (length, told) and length != told:
        raise InvalidInput(f"X-OpenStack-Image-Size is {told}, but Content-Length is {length}.")
    body = Body(call.stream, length=length, told=told, most=call.images.uploads.limits.upload)
    by_ticket = call.context is None
    if by_ticket and image.has_bytes and _are_its(image, body):
        return  # the compute that has sent them has lost the answer and asks again
    disk_format = _disk_format(call) if by_ticket else None
    call.images.uploads.receive(image.uuid, body, disk_format=disk_format)


def _are_its(image: rows.Image, body: Body) -> bool:
    digest = hashlib.sha512()
    for chunk in body:
        digest.update(chunk)
    return digest.hexdigest() == image.os_hash_value


def _disk_format(call: Call) -> str | None:
    disk_format = call.header("X-Image-Disk-Format")
    if disk_format is not None and disk_format not in DISK_FORMATS:
        raise InvalidInput(f"There is no disk format {disk_format}.")
    return disk_format


def download(call: Call) -> Pieces | None:
    """GET /v2/images/ID/file; 204 when there are no bytes, 206 for a part of them."""
    image = call.image()
    if image.status == "deactivated" and call.context is not None and not call.context.is_admin:
        raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
    if not image.has_bytes:
        call.status = 204
        return None
    first, size = _part(call.header("Range"), image.size)
    call.headers |= {"Content-MD5": image.checksum, "Accept-Ranges": "bytes"}
    if size != image.size:
        call.status = 206
        call.headers["Content-Range"] = f"bytes {first}-{first + size - 1}/{image.size}"
    return Pieces(call.images.files.open(image.uuid, image.upload_id), first, size)


def _part(text: str | None, size: int) -> tuple[int, int]:
    """Return where the wanted bytes begin and how many they are; of several ranges none is understood: all bytes."""
    match = _RANGE.fullmatch(text.replace(" ", "")) if text else None
    if match is None or match.groups() == ("", ""):
        return 0, size
    begin, end = match.groups()
    first = int(begin) if begin else max(size - int(end), 0)
    last = min(int(end), size - 1) if begin and end else size - 1
    if begin and end and int(begin) > int(end):
        return 0, size  # no valid range: it is ignored
    if first > last:
        raise faults.UnsatisfiableRange(f"The image has {size} bytes.")
    return first, last - first + 1


def _number(call: Call, header: str) -> int | None:
    text = call.header(header)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidInput(f"{header} must be a number of bytes.")
    return int(text)
