"""Tags of images, one by one."""

import msgspec

from corenova.db import images as rows
from corenova.exceptions import NotFound
from corenova.image import documents
from corenova.image.call import Call


def add_tag(call: Call) -> None:
    """PUT /v2/images/ID/tags/TAG; again is harmless."""
    tag = call.params["tag"]

    def work(connection: object, image: rows.Image) -> None:
        if tag not in image.tags:
            tagged = msgspec.structs.replace(image, tags=(*image.tags, tag))
            documents.check(documents.of_image(tagged), call.images.section)
            rows.update(connection, tagged)

    call.change("image.tag", work)


def remove_tag(call: Call) -> None:
    """DELETE /v2/images/ID/tags/TAG; 404 when it has no such tag."""
    tag = call.params["tag"]

    def work(connection: object, image: rows.Image) -> None:
        if tag not in image.tags:
            raise NotFound(f"Image {image.uuid} has no tag {tag}.")
        rows.update(connection, msgspec.structs.replace(image, tags=tuple(one for one in image.tags if one != tag)))

    call.change("image.untag", work)
