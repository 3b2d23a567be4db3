"""Bodies of the actions on a server, by microversion (Nova's facts)."""

from corenova.api.schemas import types
from corenova.api.schemas.servers import CERTIFICATES, FILE
from corenova.api.validation import Schema, SchemaOf

_METADATA = types.metadata("string")
_PASSWORD: Schema = {"type": "string"}


def _bare(key: str) -> SchemaOf:
    """Return the schema of an action whose body says nothing more; clients send null, {} or anything."""
    schema = types.envelope(key, types.ANYTHING)
    return lambda _version: schema


pause, unpause, suspend, resume, unrescue = map(_bare, ("pause", "unpause", "suspend", "resume", "unrescue"))
# Of what no driver offers yet the body is not looked at: the answer is the same whatever it says.
resize, confirm_resize, revert_resize = map(_bare, ("resize", "confirmResize", "revertResize"))
migrate, migrate_live, evacuate = map(_bare, ("migrate", "os-migrateLive", "evacuate"))
attach_volume = _bare("volumeAttachment")


def rescue(_version: int) -> Schema:
    """The action rescue."""
    asked = types.struct({"adminPass": _PASSWORD, "rescue_image_ref": types.UUID})
    return types.envelope("rescue", {"anyOf": [asked, {"type": "null"}]})


def create_image(_version: int) -> Schema:
    """The action createImage."""
    asked = types.struct({"name": types.NAME, "metadata": _METADATA}, required=("name",))
    return types.envelope("createImage", asked)


def console_output(_version: int) -> Schema:
    """The action os-getConsoleOutput."""
    length: Schema = {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$", "minimum": -1}
    asked = types.struct({"length": length}, extra=True)
    return types.envelope("os-getConsoleOutput", {"anyOf": [asked, {"type": "null"}]})


def add_security_group(_version: int) -> Schema:
    """The action addSecurityGroup."""
    return types.envelope("addSecurityGroup", types.struct({"name": types.NAME}, required=("name",)))


def remove_security_group(_version: int) -> Schema:
    """The action removeSecurityGroup."""
    return types.envelope("removeSecurityGroup", types.struct({"name": types.NAME}, required=("name",)))


_REBUILD: Schema = {
    "name": types.NAME,
    "imageRef": types.UUID,
    "adminPass": _PASSWORD,
    "metadata": _METADATA,
    "preserve_ephemeral": types.BOOLEAN,
    "OS-DCF:diskConfig": {"type": "string", "enum": ["AUTO", "MANUAL"]},
    "accessIPv4": {"type": "string", "format": "ipv4"},
    "accessIPv6": {"type": "string", "format": "ipv6"},
}
_REBUILD_BETWEEN: tuple[tuple[str, int, int, Schema], ...] = (
    ("personality", 1, 56, types.array(FILE)),
    ("description", 19, 96, types.DESCRIPTION),
    ("key_name", 54, 96, {"oneOf": [types.NAME, {"type": "null"}]}),
    (
        "user_data",
        57,
        96,
        {"oneOf": [{"type": "string", "format": "base64", "maxLength": 65535}, {"type": "null"}]},
    ),
    ("trusted_image_certificates", 63, 96, CERTIFICATES),
    ("hostname", 90, 93, types.HOSTNAME),
    ("hostname", 94, 96, types.FQDN),
)


def rebuild(version: int) -> Schema:
    """The action rebuild."""
    more = {key: schema for key, first, last, schema in _REBUILD_BETWEEN if first <= version <= last}
    return types.envelope("rebuild", types.struct(_REBUILD | more, required=("imageRef",)))


def attach_interface(version: int) -> Schema:
    """POST /servers/{id}/os-interface."""
    fixed_ip = types.struct({"ip_address": types.IP_ADDRESS}, required=("ip_address",))
    asked: Schema = {
        "net_id": types.UUID,
        "port_id": types.UUID,
        "fixed_ips": types.array(fixed_ip, minItems=1, maxItems=1),
    }
    if version >= 49:
        asked["tag"] = types.TAG
    return types.struct({"interfaceAttachment": types.struct(asked)})
