"""Consoles: the end of the serial log, where screen and serial line listen, and a picture of the screen."""

import logging
from pathlib import Path
from typing import Any

from corenova.contracts.driver_abilities import ConsoleAddress
from corenova.exceptions import DriverError
from corenova_drivers.libvirt.connection import libvirt
from corenova_drivers.libvirt.hypervisor import Hypervisor
from corenova_drivers.libvirt.xmltree import attribute, parse

LOG = logging.getLogger(__name__)

_MOST_PICTURE_BYTES = 64 << 20


def get_console_output(hypervisor: Hypervisor, uuid: str, *, most_bytes: int) -> bytes:
    """Return the last ``most_bytes`` of the serial log. virtlogd turns it over: the older part is in ``.0``, ``.1``."""
    hypervisor.guests.find(uuid)
    log, found, number = hypervisor.storage.console_log(uuid), b"", -1
    while len(found) < most_bytes:
        part = log if number < 0 else log.with_name(f"{log.name}.{number}")
        if not part.exists():
            break
        found = _tail(part, most_bytes - len(found)) + found
        number += 1
    return found


def get_console(hypervisor: Hypervisor, uuid: str, kind: str) -> ConsoleAddress:
    """Return where the console of a running guest listens."""
    tree = parse(hypervisor.guests.find(uuid).XMLDesc(0))
    if kind == "vnc":
        port = attribute(tree, "devices/graphics[@type='vnc']", "port")
        if port is not None and int(port) > 0:
            host = attribute(tree, "devices/graphics[@type='vnc']", "listen") or "127.0.0.1"
            return ConsoleAddress(kind=kind, host=host, port=int(port))
    if kind == "serial":
        path = attribute(tree, "devices/serial[@type='pty']/source", "path")
        if path is not None:
            return ConsoleAddress(kind=kind, host=hypervisor.section.host_ip, path=path)
    raise DriverError(f"The guest has no {kind} console now.")


def screenshot(hypervisor: Hypervisor, uuid: str) -> tuple[str, bytes]:
    """Return (media type, picture) of the first screen."""
    domain = hypervisor.guests.find(uuid)
    stream = hypervisor.connection.get().newStream(0)
    media_type = domain.screenshot(stream, 0, 0)
    picture = bytearray()
    try:
        stream.recvAll(lambda _stream, data, _opaque: _take(picture, data), None)
        stream.finish()
    except libvirt.libvirtError:
        _abort(stream)
        raise
    return media_type, bytes(picture)


def _take(picture: bytearray, data: bytes) -> int:
    picture += data
    return 0 if len(picture) <= _MOST_PICTURE_BYTES else -1


def _abort(stream: Any) -> None:
    try:
        stream.abort()
    except libvirt.libvirtError as error:
        LOG.debug("The stream of a screenshot was over already: %s", error)


def _tail(path: Path, most_bytes: int) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - most_bytes))
        return file.read(most_bytes)
