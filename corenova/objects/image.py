"""Where the bytes of an image are, as an order to a compute says it."""

import msgspec


class ImageAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to read, or to write, the bytes of one image.

    A compute is given no token of a user: ``ticket`` is good for this image, this direction and a limited time.

    :param url: of the bytes; GET reads and PUT writes them.
    :param headers: to be sent with the request; the ticket is one of them.
    :param size: bytes; None when not known.
    :param disk_format: as the image service has checked it.
    :param hash_algo, hash_value: of the whole file, ``sha512`` and hexadecimal; None when not known.
    """

    image_id: str
    url: str
    headers: dict[str, str] = {}
    size: int | None = None
    disk_format: str = "raw"
    hash_algo: str | None = None
    hash_value: str | None = None
