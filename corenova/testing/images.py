"""Images for tests of drivers: kept here, moved nowhere."""

import hashlib
import uuid
from typing import BinaryIO

from corenova.objects.image import ImageAccess


class LocalImages:
    """An ImageTransfer (corenova/contracts/image.py): what is sent is kept here, what is fetched comes from here.

    :ivar sent: disk format and bytes by the id of the image.
    :ivar failure: what ``send`` raises instead, when it is set.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.sent: dict[str, tuple[str, bytes]] = {}
        self.failure: Exception | None = None

    def fetch(self, access: ImageAccess, file: BinaryIO) -> None:
        """Write the content."""
        file.write(self.content)

    def send(self, access: ImageAccess, file: BinaryIO, *, disk_format: str) -> None:
        """Keep the bytes, or fail."""
        if self.failure is not None:
            raise self.failure
        self.sent[access.image_id] = (disk_format, file.read())


def boot_access(content: bytes) -> ImageAccess:
    """Return leave to read an image with this content."""
    return ImageAccess(
        image_id=str(uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(content).hexdigest())),
        url="file:",
        size=len(content),
        hash_algo="sha512",
        hash_value=hashlib.sha512(content).hexdigest(),
    )
