"""The image API on one page: method, path, handler, who may, and the status of success.

Paths are below ``/image``. A GET answers HEAD as well.
"""

from collections.abc import Callable

import msgspec

from corenova.image import policy, schemas
from corenova.image.call import Call
from corenova.image.handlers import actions, data, discovery, images, members, tags
from corenova.objects import tickets


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    :param handler: returns the document to answer with, bytes in pieces, or None for no body.
    :param rule: one of corenova/image/policy.py.
    :param ticket: the verb that a ticket may stand for in the place of a token.
    :param is_streamed: the handler reads the body itself.
    """

    method: str
    path: str
    handler: Callable[[Call], object]
    rule: str
    status: int = 200
    ticket: str | None = None
    is_streamed: bool = False


def _route(method: str, path: str, handler: Callable[[Call], object], rule: str, **more: object) -> Route:
    return Route(method=method, path=path, handler=handler, rule=rule, **more)


_IMAGE = "/v2/images/{image_id}"
_FILE = _IMAGE + "/file"
_TAG = _IMAGE + "/tags/{tag}"
_MEMBERS = _IMAGE + "/members"
_MEMBER = _MEMBERS + "/{member_id}"
_ACTION = _IMAGE + "/actions"

ROUTES: tuple[Route, ...] = (
    _route("GET", "", discovery.list_versions, policy.PUBLIC, status=300),
    _route("GET", "/v2", discovery.list_versions, policy.PUBLIC, status=300),
    _route("GET", "/v2/info/import", discovery.show_import, "get_images"),
    _route("GET", "/v2/info/stores", discovery.list_stores, "get_images"),
    *(
        _route("GET", f"/v2/schemas/{name}", lambda call, schema=schema: schema, "get_images")
        for name, schema in schemas.PUBLISHED.items()
    ),
    _route("GET", "/v2/images", images.list_images, "get_images"),
    _route("POST", "/v2/images", images.create_image, "add_image", status=201),
    _route("GET", _IMAGE, images.show_image, "get_image"),
    _route("PATCH", _IMAGE, images.update_image, "modify_image"),
    _route("DELETE", _IMAGE, images.delete_image, "delete_image", status=204),
    _route("GET", _FILE, data.download, "download_image", ticket=tickets.READ),
    _route("PUT", _FILE, data.upload, "upload_image", status=204, ticket=tickets.WRITE, is_streamed=True),
    _route("PUT", _TAG, tags.add_tag, "modify_image", status=204),
    _route("DELETE", _TAG, tags.remove_tag, "modify_image", status=204),
    _route("GET", _MEMBERS, members.list_members, "get_members"),
    _route("POST", _MEMBERS, members.add_member, "add_member"),
    _route("GET", _MEMBER, members.show_member, "get_member"),
    _route("PUT", _MEMBER, members.answer_offer, "modify_member"),
    _route("DELETE", _MEMBER, members.remove_member, "delete_member", status=204),
    _route("POST", f"{_ACTION}/deactivate", actions.deactivate, "deactivate", status=204),
    _route("POST", f"{_ACTION}/reactivate", actions.reactivate, "reactivate", status=204),
)
