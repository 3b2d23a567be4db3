"""POST /servers: a body that fits the schema becomes a CreateRequest, or is refused with a sentence that says why.

Everything is checked here, before anything is written; quota and the durable record are Provisioner's transaction.
"""

import secrets
from typing import Any

from corenova.api.call import Call
from corenova.api.handlers.server_hints import group_and_hints
from corenova.api.handlers.server_network import network_of
from corenova.api.handlers.server_place import Place, place_of
from corenova.api.provision import CreateRequest
from corenova.api.schemas.types import is_true
from corenova.api.views import servers as view
from corenova.db import keypairs
from corenova.exceptions import Forbidden, InvalidInput, NotFound, OverQuota
from corenova.objects.request_spec import Flavor, ImageMeta, RequestSpec
from corenova.objects.topology_wish import with_wish

_GIB = 1024**3
MOST_SERVERS = 10_000
"""The most servers of one request, whatever the quota: they share one transaction."""

Server = dict[str, Any]


def create(call: Call) -> dict[str, object]:
    """POST /servers."""
    server: Server = call.body["server"]
    low, high = _counts(server)
    _check_unavailable(server)
    _check_metadata(call, server)
    flavor, image = _flavor(call, server), _image(call, server)
    check_fit(call, flavor, image)
    place = place_of(call, server)
    network = network_of(call, server, high)
    group_uuid, hints = group_and_hints(call)
    public_key = public_key_of(call, server.get("key_name"))
    spec = _spec(call, flavor, image, place=place, group_uuid=group_uuid, hints=hints)
    password = server.get("adminPass") or secrets.token_urlsafe(9)
    request = _request(call, server, spec, low, high, key_data=public_key, admin_pass=password, network=network)
    made = call.services.provisioner.create(call.context, request)
    if is_true(server.get("return_reservation_id")):
        return {"reservation_id": made.reservation_id}
    uuid = made.uuids[0]
    call.headers.append(("Location", f"{call.links.versioned}/servers/{uuid}"))
    return view.created(uuid, call.links, password, server.get("security_groups"))


def _counts(server: Server) -> tuple[int, int]:
    low = int(server.get("min_count", 1))
    high = int(server.get("max_count", low))
    if low > high:
        raise InvalidInput("min_count must be <= max_count")
    if high > MOST_SERVERS:
        raise OverQuota(f"Quota exceeded for instances: one request may ask for at most {MOST_SERVERS} servers")
    return low, high


def _check_unavailable(server: Server) -> None:
    """Refuse, in a plain sentence, what Nova offers and this release does not."""
    if server.get("trusted_image_certificates"):
        raise InvalidInput("Trusted image certificates are not available in this release.")
    if server.get("personality"):
        raise InvalidInput("Personality files are not available in this release. Use user_data.")


def _check_metadata(call: Call, server: Server) -> None:
    limit = call.services.conf.quota.metadata_items
    if 0 <= limit < len(server.get("metadata", ())):
        raise OverQuota(f"Maximum number of metadata items exceeds {limit}")


def _flavor(call: Call, server: Server) -> Flavor:
    flavorid = str(server["flavorRef"]).rsplit("/", 1)[-1]
    try:
        flavor = call.services.lookups.flavor(flavorid, project_id=call.scope)
    except NotFound as error:
        raise InvalidInput(str(error)) from None
    if flavor.disabled:
        raise InvalidInput(f"Flavor {flavorid} could not be found.")
    return flavor


def _image(call: Call, server: Server) -> ImageMeta:
    image_id = _image_id(server)
    context = call.context
    try:
        return call.services.find_image(image_id, context.project_id, is_admin=context.is_admin)
    except NotFound:
        raise InvalidInput("Can not find requested image") from None


def _image_id(server: Server) -> str:
    """Return the image to boot from; block devices may only say the same in other words."""
    image_id = server.get("imageRef") or ""
    if server.get("block_device_mapping"):
        raise InvalidInput("Block device mappings are not available in this release. Boot from an image.")
    for device in server.get("block_device_mapping_v2", ()):
        image_id = image_id or device.get("uuid") or device.get("image_id") or ""
        if not _is_boot_image(device, image_id):
            raise InvalidInput(
                "Block device mappings other than the server's image on a local disk are not available in this release."
            )
    if not image_id:
        raise InvalidInput("Missing imageRef attribute")
    return image_id


def _is_boot_image(device: dict[str, object], image_id: str) -> bool:
    """Tell whether a block device is just the image on the root disk (what openstackclient sends beside imageRef)."""
    return (
        device.get("source_type", "image") == "image"
        and (device.get("uuid") or device.get("image_id")) == image_id
        and device.get("destination_type", "local") == "local"
        and str(device.get("boot_index", 0)) == "0"
        and not device.get("volume_size")
        and ("delete_on_termination" not in device or is_true(device["delete_on_termination"]))
    )


def check_fit(call: Call, flavor: Flavor, image: ImageMeta) -> None:
    """Refuse an image that the flavor has no room for."""
    if flavor.memory_mb < image.min_ram:
        raise InvalidInput("Flavor's memory is too small for requested image.")
    if flavor.root_gb == 0:
        if not call.may("os_compute_api:servers:create:zero_disk_flavor"):
            raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
        return
    for wanted, what in (
        (image.min_disk * _GIB, "minimum size is"),
        (max(image.size or 0, image.virtual_size or 0), "image is"),
    ):
        if flavor.root_gb * _GIB < wanted:
            raise InvalidInput(
                f"Flavor's disk is too small for requested image. Flavor disk is {flavor.root_gb * _GIB} bytes, "
                f"{what} {wanted} bytes."
            )


def _spec(
    call: Call, flavor: Flavor, image: ImageMeta, *, place: Place, group_uuid: str | None, hints: dict[str, object]
) -> RequestSpec:
    spec = RequestSpec(
        project_id=call.context.project_id,
        user_id=call.context.user_id,
        flavor=flavor,
        image=image,
        availability_zone=place.zone,
        force_hosts=place.hosts,
        force_nodes=place.nodes,
        requested_host=place.requested_host,
        instance_group_uuid=group_uuid,
        scheduler_hints=hints,
    )
    return with_wish(spec, call.services.pci_aliases)


def public_key_of(call: Call, key_name: str | None) -> str | None:
    """Return the key of the caller that a server shall have, as it is now; raises InvalidInput when there is none."""
    if key_name is None:
        return None
    try:
        return call.read(lambda c: keypairs.get(c, call.context.user_id, key_name)).public_key
    except NotFound:
        raise InvalidInput("Invalid key_name provided.") from None


def _request(call: Call, server: Server, spec: RequestSpec, low: int, high: int, **more: Any) -> CreateRequest:
    name = server["name"].strip()
    return CreateRequest(
        name=name,
        spec=spec,
        hostname=server.get("hostname"),
        description=server.get("description") if call.version >= 19 else name,
        min_count=low,
        max_count=high,
        metadata=server.get("metadata", {}),
        tags=tuple(dict.fromkeys(server.get("tags", ()))),
        key_name=server.get("key_name"),
        user_data=server.get("user_data") or None,
        config_drive=is_true(server.get("config_drive", False)),
        **more,
    )
