"""createImage: the disk of a server as an image of its project.

The image is made, still without bytes, in the transaction that accepts the action; the compute fills it, and whoever
ends the action otherwise removes it.
"""

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.db.instances import decode_flavor, decode_image
from corenova.exceptions import OverQuota
from corenova.objects.context import new_uuid
from corenova.objects.states import Step
from corenova.objects.work import StepArgs

_NOT_INHERITED = ("signature_verified", "cache_in_nova", "bittorrent", "block_device_mapping", "bdm_v2")
"""Properties of an image that are not those of an image made from its server (Nova's list, as far as we have them)."""


def create_image(call: Call, server_id: str) -> dict[str, str] | None:
    """The action createImage."""
    asked = call.body["createImage"]
    limit = call.services.conf.quota.metadata_items
    metadata = asked.get("metadata") or {}
    if 0 <= limit < len(metadata):
        raise OverQuota(f"Maximum number of metadata items exceeds {limit}")
    image_id = new_uuid()

    def prepare(connection: sa.Connection, row: sa.Row) -> StepArgs:
        before = decode_image(row.image) if row.image else None
        inherited = before.properties if before is not None else {}
        properties = {name: value for name, value in inherited.items() if name not in _NOT_INHERITED}
        properties |= {"image_type": "snapshot", "instance_uuid": row.uuid, "user_id": call.context.user_id}
        if before is not None:
            properties["base_image_ref"] = before.id
        call.services.backends.images.new_snapshot(
            connection,
            call.context,
            image_id,
            asked["name"].strip(),
            properties | metadata,
            min_disk=decode_flavor(row.flavor).root_gb,
            min_ram=before.min_ram if before is not None else 0,
        )
        return StepArgs(image_id=image_id)

    call.services.instance_actions.request(call.context, server_id, Step.SNAPSHOT, prepare=prepare)
    if call.version >= 45:
        return {"image_id": image_id}
    call.headers.append(("Location", f"{call.links.images}/{image_id}"))
    return None
