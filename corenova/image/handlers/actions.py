"""Actions on images: taking one out of use, and back."""

from corenova.db import images as rows
from corenova.exceptions import Forbidden
from corenova.image.call import Call


def deactivate(call: Call) -> None:
    """POST /v2/images/ID/actions/deactivate."""
    _move(call, "active", "deactivated", "deactivate")


def reactivate(call: Call) -> None:
    """POST /v2/images/ID/actions/reactivate."""
    _move(call, "deactivated", "active", "reactivate")


def _move(call: Call, before: str, after: str, verb: str) -> None:
    def work(connection: object, image: rows.Image) -> None:
        if image.status != after and not rows.move(connection, image.uuid, before, after):
            raise Forbidden(f"Not allowed to {verb} image in status '{image.status}'")

    call.change(f"image.{verb}", work)
