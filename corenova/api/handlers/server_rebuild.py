"""rebuild: a server gets a new disk, from the same or another image, and keeps its id, host, addresses and claims.

With another image the scheduler has a word first (conductor/tasks/rebuild.py); refused, the server keeps its image, and
the new name, metadata and the like.
"""

import secrets

import msgspec
import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.handlers import servers
from corenova.api.handlers.server_create import check_fit, public_key_of
from corenova.api.schemas.types import is_true
from corenova.db import instances
from corenova.db.instances import decode_flavor, decode_image
from corenova.exceptions import InvalidInput, NotFound, OverQuota
from corenova.objects.request_spec import ImageMeta
from corenova.objects.states import Step
from corenova.objects.work import StepArgs

_COLUMNS = {"name": "display_name", "description": "display_description", "hostname": "hostname"}


def rebuild(call: Call, server_id: str) -> dict[str, object]:
    """The action rebuild."""
    asked = call.body["rebuild"]
    _check_unavailable(call, asked)
    password = asked.get("adminPass") or secrets.token_urlsafe(9)
    image = _image(call, asked["imageRef"])
    row = call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
    before = decode_image(row.image) if row.image else None
    check_fit(call, decode_flavor(row.flavor), image)
    public_key = public_key_of(call, asked.get("key_name"))
    is_other = before is None or before.id != image.id

    def prepare(connection: sa.Connection, _row: sa.Row) -> StepArgs:
        values = {column: asked[key] for key, column in _COLUMNS.items() if key in asked}
        if "display_name" in values:
            values["display_name"] = values["display_name"].strip()
        if "metadata" in asked:
            values["metadata"] = _json(asked["metadata"])
        if "user_data" in asked:
            values["user_data"] = asked["user_data"]
        if "key_name" in asked:
            values |= {"key_name": asked["key_name"], "key_data": public_key}
        instances.update(connection, server_id, image=_json(image), **values)
        return StepArgs(image=before if is_other else None, admin_pass=password)

    step = Step.CHECK_REBUILD if is_other else Step.REBUILD
    call.services.instance_actions.request(call.context, server_id, step, prepare=prepare)
    call.headers.append(("Location", f"{call.links.versioned}/servers/{server_id}"))
    shown = servers.rebuilt(call, server_id)
    shown["server"]["adminPass"] = password
    if call.version >= 57:
        shown["server"]["user_data"] = call.read(lambda connection: instances.user_data(connection, server_id))
    if call.version >= 54:
        shown["server"]["key_name"] = asked.get("key_name", row.key_name)
    return shown


def _check_unavailable(call: Call, asked: dict[str, object]) -> None:
    if asked.get("trusted_image_certificates"):
        raise InvalidInput("Trusted image certificates are not available in this release.")
    if asked.get("personality"):
        raise InvalidInput("Personality files are not available in this release. Use user_data.")
    if is_true(asked.get("preserve_ephemeral", False)):
        raise InvalidInput("Ephemeral disks are not preserved by a rebuild in this release.")
    limit = call.services.conf.quota.metadata_items
    if 0 <= limit < len(asked.get("metadata") or ()):
        raise OverQuota(f"Maximum number of metadata items exceeds {limit}")


def _image(call: Call, image_id: str) -> ImageMeta:
    try:
        return call.services.find_image(image_id, call.context.project_id, is_admin=call.context.is_admin)
    except NotFound:
        raise InvalidInput("Cannot find image for rebuild") from None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
