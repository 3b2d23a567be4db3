"""The image contract: what a server may be booted from.

The embedded store (corenova/image) answers it from the database; a backend over Glance would ask its HTTP API.
"""

from typing import Protocol

from corenova.objects.request_spec import ImageMeta


class ImageBackend(Protocol):
    """What the compute API asks of an image service. Called from many threads at once."""

    def find_image(self, image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
        """Return the facts of an image that a server of this project may be booted from.

        Called for every server that is asked for, so an answer may be a second old and must then cost microseconds.
        Raises NotFound when there is no such image or this project may not see it, InvalidInput when it is not
        active, Unavailable when the service behind it cannot be asked.
        """
        ...
