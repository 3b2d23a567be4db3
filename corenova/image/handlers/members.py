"""With whom an image is shared: its owner offers it, and the other project accepts or rejects."""

import sqlalchemy as sa

from corenova.db import image_members
from corenova.db import images as rows
from corenova.exceptions import Forbidden, InvalidInput, NotFound
from corenova.image import views
from corenova.image.call import Call

_WORDS = 255


def list_members(call: Call) -> dict[str, object]:
    """GET /v2/images/ID/members: all for the owner, oneself for a member."""
    image = _shared(call)
    found = call.images.db.read(lambda connection: image_members.of_image(connection, image.uuid))
    seen = [one for one in found if _may_see(call, image, one.member)]
    return {"members": [views.member(one) for one in seen], "schema": "/v2/schemas/members"}


def show_member(call: Call) -> dict[str, object]:
    """GET /v2/images/ID/members/MEMBER."""
    image, member_id = _shared(call), call.params["member_id"]
    if not _may_see(call, image, member_id):
        raise NotFound(f"{member_id} not found in the member list of the image {image.uuid}.")
    return views.member(call.images.db.read(lambda connection: image_members.get(connection, image.uuid, member_id)))


def add_member(call: Call) -> dict[str, object]:
    """POST /v2/images/ID/members: offer the image to a project."""
    member_id = _word(call, "member")
    if len(member_id) > 64:
        raise InvalidInput("The id of a project has at most 64 characters.")

    def work(connection: sa.Connection, image: rows.Image) -> image_members.Member:
        _check_shared(image)
        image_members.add(connection, image.uuid, member_id, most=call.images.section.image_member_quota)
        return image_members.get(connection, image.uuid, member_id)

    return views.member(call.change("image.share", work))


def answer_offer(call: Call) -> dict[str, object]:
    """PUT /v2/images/ID/members/MEMBER: accept, reject, or think about it again."""
    image, member_id, status = _shared(call, ask=False), call.params["member_id"], _word(call, "status")
    call.authorize({"project_id": member_id})
    if status not in image_members.STATUSES:
        raise InvalidInput(f"The status must be one of {', '.join(image_members.STATUSES)}.")

    def work(connection: sa.Connection) -> image_members.Member:
        image_members.answer(connection, image.uuid, member_id, status)
        return image_members.get(connection, image.uuid, member_id)

    return views.member(call.images.db.write("image.answer", work))


def remove_member(call: Call) -> None:
    """DELETE /v2/images/ID/members/MEMBER."""

    def work(connection: sa.Connection, image: rows.Image) -> None:
        _check_shared(image)
        image_members.remove(connection, image.uuid, call.params["member_id"])

    call.change("image.unshare", work)


def _shared(call: Call, *, ask: bool = True) -> rows.Image:
    caller = call.context
    image = call.images.get_image(call.image_id, caller.project_id, is_admin=caller.is_admin)
    if ask:
        call.authorize({"project_id": image.owner})
    _check_shared(image)
    return image


def _check_shared(image: rows.Image) -> None:
    if image.visibility != "shared":
        raise Forbidden("Only shared images have members.")


def _may_see(call: Call, image: rows.Image, member_id: str) -> bool:
    return call.context.is_admin or call.context.project_id in (image.owner, member_id)


def _word(call: Call, key: str) -> str:
    document = call.document()
    word = document.get(key) if isinstance(document, dict) else None
    if not (isinstance(word, str) and 1 <= len(word) <= _WORDS):
        raise InvalidInput(f"The request body must be an object with the key '{key}', a word.")
    return word
