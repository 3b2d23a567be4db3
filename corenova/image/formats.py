"""What bytes really are, and whether they may become an image: found out while they stream by, from themselves alone.

The inspectors are those of oslo.utils, born from a decade of CVEs about images that name other files. An image is
refused unless what they find is exactly what was declared and they call it safe. Drivers then say the format to
qemu-img and never let it guess.
"""

import re
import struct
from io import BytesIO

from oslo_utils.imageutils import format_inspector as inspector

from corenova.exceptions import InvalidInput

_RAW = ({"raw"}, {"gpt"})
_CONTENT: dict[str, tuple[set[str], ...]] = {
    "raw": _RAW,
    "ami": _RAW,
    "aki": _RAW,
    "ari": _RAW,
    "qcow2": ({"qcow2"},),
    "vmdk": ({"vmdk"},),
    "vdi": ({"vdi"},),
    "vhd": ({"vhd"},),
    "vhdx": ({"vhdx"},),
    # One that boots from a USB stick as well has a partition table.
    "iso": ({"iso"}, {"iso", "gpt"}),
    "ploop": ({"raw"},),
}
"""A declared format and what may be found; ``gpt`` stands for any partition table."""
DISK_FORMATS = tuple(_CONTENT)
_PACKED = ("ova", "docker", "compressed")
"""Containers that nobody here opens: what is seen from outside must not look like a disk."""
_SMALLEST = 512
_HEAD = 4096
_UNSEEN = (
    # QEMU takes a text that begins so for a VMDK, whatever follows; the inspector wants text alone in the first sector.
    ("an old vmdk", re.compile(rb"(?:#[^\n]*\n|[ \r]*\n)*version=\d")),
    ("an old vmdk", re.compile(rb"COWD")),
    ("parallels", re.compile(rb"WithoutFreeSpace|WithouFreSpacExt")),
    ("bochs", re.compile(rb"Bochs Virtual HD Image")),
    ("cloop", re.compile(rb"#!/bin/sh\n#V2\.0 Format")),
)
"""Beginnings by which QEMU guesses a format that the inspectors do not know; none of these is ever allowed."""


class Inspection:
    """Looks at bytes as they pass; keeps a few KiB of them, whatever the size of the image."""

    def __init__(self) -> None:
        self._pushed = BytesIO()
        self._wrapper = inspector.InspectWrapper(self._pushed)
        self._size = 0
        self._head = b""

    def eat(self, chunk: bytes) -> None:
        """Look at the next bytes."""
        self._size += len(chunk)
        self._head += chunk[: _HEAD - len(self._head)]
        self._push(chunk)

    def finish(self, disk_format: str, container_format: str) -> int:
        """Return the virtual size in bytes of what was eaten.

        :raises InvalidInput: it is not what was declared, or it is not safe.
        """
        if self._size < _SMALLEST:
            # The inspectors know no header that is cut short, but qemu-img might.
            self._push(bytes(_SMALLEST - self._size))
        matched = self._matched()
        found = {one.NAME for one in matched}
        if found == {"raw"}:
            found = {name for name, beginning in _UNSEEN if beginning.match(self._head)} or found
        allowed = ({"raw"},) if container_format in _PACKED else _CONTENT[disk_format]
        if found not in allowed:
            raise InvalidInput(
                f"The image is declared as {container_format if container_format in _PACKED else disk_format}, but its "
                f"content is {' and '.join(sorted(found))}. Upload it under its own disk_format, or convert it."
            )
        for one in matched if found not in _RAW else ():  # a raw disk may have any first sector: nobody interprets it
            _check_safety(one)
        return self._size if found in _RAW or "iso" in found else _virtual_size(matched[0])

    def _matched(self) -> list[inspector.FileInspector]:
        try:
            self._wrapper.close()
            return self._wrapper.formats
        except Exception as error:  # whatever a hostile header makes of a parser
            raise InvalidInput(f"The format of the image cannot be found out: {error}. It is refused.") from None

    def _push(self, chunk: bytes) -> None:
        self._pushed.seek(0)
        self._pushed.truncate()
        self._pushed.write(chunk)
        self._pushed.seek(0)
        self._wrapper.read(len(chunk))


def _check_safety(one: inspector.FileInspector) -> None:
    try:
        one.safety_check()
    except inspector.SafetyCheckFailed as error:
        reasons = "; ".join(f"{name}: {failure}" for name, failure in sorted(error.failures.items()))
        raise InvalidInput(f"The {one.NAME} image is not safe to use ({reasons}). It is refused.") from None
    except Exception as error:  # whatever a hostile header makes of a parser
        raise InvalidInput(f"The {one.NAME} image cannot be understood: {error}. It is refused.") from None


def _virtual_size(one: inspector.FileInspector) -> int:
    try:
        size = one.virtual_size
    except (ValueError, ArithmeticError, LookupError, struct.error, inspector.ImageFormatError) as error:
        raise InvalidInput(f"The {one.NAME} image does not say how large its disk is: {error}.") from None
    if size <= 0:
        raise InvalidInput(f"The {one.NAME} image does not say how large its disk is. It is refused.")
    return size
