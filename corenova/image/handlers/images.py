"""Images without their bytes: list, show, create, change, delete."""

import urllib.parse

import sqlalchemy as sa

from corenova.db import images as rows
from corenova.exceptions import Forbidden, InvalidInput, NotFound
from corenova.image import documents, patches, views
from corenova.image.call import Call
from corenova.image.listing import Query, understand
from corenova.objects.context import new_uuid

_VISIBILITY_RULES = {"public": "publicize_image", "community": "communitize_image"}


def list_images(call: Call) -> dict[str, object]:
    """GET /v2/images."""
    asked = understand(call.query, call.context, max_limit=call.max_limit)
    try:
        found = call.images.db.read(lambda connection: rows.page(connection, asked)) if asked.limit else []
    except NotFound as error:
        raise InvalidInput(str(error)) from None
    body = {"images": [views.image(image) for image in found], "first": _page(call.query, None)}
    if found and len(found) == asked.limit:
        body["next"] = _page(call.query, found[-1].uuid)
    return {**body, "schema": "/v2/schemas/images"}


def show_image(call: Call) -> dict[str, object]:
    """GET /v2/images/ID; 404 also for what is no id."""
    return views.image(call.image())


def create_image(call: Call) -> dict[str, object]:
    """POST /v2/images: a queued image that waits for its bytes."""
    document = documents.new(call.document())
    blank = rows.Image(
        uuid=document.pop("id", new_uuid()).lower(),
        name=None,
        owner=call.context.project_id,
        status="queued",
        visibility="shared",
        disk_format=None,
        container_format=None,
    )
    image = _checked(call, blank, {**documents.of_image(blank), **document})

    def work(connection: sa.Connection) -> rows.Image:
        rows.add(connection, image, most=call.images.section.quota_images)
        return rows.get(connection, image.uuid)

    made = views.image(call.images.db.write("image.create", work))
    call.headers["Location"] = f"{call.url}/image/v2/images/{image.uuid}"
    return made


def update_image(call: Call) -> dict[str, object]:
    """PATCH /v2/images/ID with a JSON patch."""
    operations = patches.read(call.header("Content-Type"), call.document)

    def work(connection: sa.Connection, image: rows.Image) -> rows.Image:
        before = documents.of_image(image)
        changed = _checked(call, image, patches.apply(operations, before))
        for name in ("disk_format", "container_format"):
            if getattr(changed, name) != getattr(image, name) and image.status != "queued":
                raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
        rows.update(connection, changed)
        return rows.get(connection, image.uuid)

    return views.image(call.change("image.update", work))


def delete_image(call: Call) -> None:
    """DELETE /v2/images/ID: the row first; the bytes can be spared once no row names them."""
    uploaded: list[str] = []

    def work(connection: sa.Connection, image: rows.Image) -> None:
        if image.protected:
            raise Forbidden(f"Image {image.uuid} is protected and cannot be deleted.")
        uploaded[:] = [image.upload_id] if image.upload_id else []
        rows.remove(connection, image.uuid)

    call.change("image.delete", work)
    for upload_id in uploaded:
        call.images.files.remove(call.image_id, upload_id)


def _checked(call: Call, image: rows.Image, document: dict[str, object]) -> rows.Image:
    """Return ``image`` as the document says, if this caller may have it so."""
    documents.check(document, call.images.section)
    changed = documents.to_image(document, image)
    if changed.owner != image.owner and not call.context.is_admin:
        raise Forbidden(f"You are not permitted to create images owned by '{changed.owner}'.")
    rule = _VISIBILITY_RULES.get(changed.visibility)
    if rule and changed.visibility != image.visibility:
        call.authorize({"project_id": changed.owner}, rule=rule)
    return changed


def _page(query: Query, marker: str | None) -> str:
    pairs = [(name, value) for name, values in query.items() if name != "marker" for value in values]
    pairs += [("marker", marker)] if marker else []
    return "/v2/images" + ("?" + urllib.parse.urlencode(pairs) if pairs else "")
