"""Servers as clients see them. FIELDS is the whole truth about which keys an answer has: a new key is a new row.

The fields that apply are chosen once a request, so a row of a list costs its values and nothing else; JSON that the
database already holds (metadata, tags, flavor) is passed on as it is.
"""

import functools
import hashlib
import operator
from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from corenova.api.links import Links
from corenova.api.views.addresses import embedded
from corenova.api.views.times import naive, zulu
from corenova.db.instances import decode_flavor, decode_image
from corenova.objects.states import status

_PROGRESS = frozenset(("ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"))
_FAULTY = frozenset(("ERROR", "DELETED"))

ALWAYS = "always"
FULL = "full"
"""Everywhere but in the answer of an update before 2.75."""
SINGLE = "single"
"""Everywhere but in lists."""
ATTRIBUTES = "attributes"
"""To who may see os-extended-server-attributes, where FULL applies."""
HOST_STATUS = "host_status"
"""To who may see the status of hosts, where FULL applies."""


class Details(msgspec.Struct, kw_only=True):
    """What a view needs beside the rows.

    :param shown: which of the groups above apply to this request.
    :param user_data, pinned_zones: by uuid, for the servers that have one.
    :param host_statuses: by host; of hosts with another status nothing is said when ``unknown_only``.
    """

    version: int
    links: Links
    shown: frozenset[str]
    is_admin: bool = False
    extra_specs: bool = False
    user_data: Mapping[str, str] = {}
    pinned_zones: Mapping[str, str] = {}
    host_statuses: Mapping[str, str] = {}
    unknown_only: bool = False


class Constant(NamedTuple):
    """A value that is the same for all servers."""

    value: object


class Field(NamedTuple):
    """One key: since which microversion, in which group, and its value: a column, a constant, or worked out."""

    key: str
    since: int
    shown: str
    value: str | Constant | Callable[[sa.Row, Details], object]
    until: int = 1_000


@functools.lru_cache(maxsize=8192)
def host_id(project_id: str, host: str | None) -> str:
    """Return what a project may know of a host: the same for the same host, different for each project."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


@functools.lru_cache(maxsize=8192)
def _flavor_embedded(text: str, extra_specs: bool) -> msgspec.Raw:
    flavor = decode_flavor(text)
    shown = {
        "vcpus": flavor.vcpus,
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "ephemeral": flavor.ephemeral_gb,
        "swap": flavor.swap,
        "original_name": flavor.name,
    }
    if extra_specs:
        shown["extra_specs"] = flavor.extra_specs
    return msgspec.Raw(msgspec.json.encode(shown))


@functools.lru_cache(maxsize=8192)
def _flavor_id(text: str) -> str:
    return decode_flavor(text).flavorid


@functools.lru_cache(maxsize=8192)
def _image(text: str) -> tuple[str, Mapping[str, str]]:
    image = decode_image(text)
    return image.id, image.properties


def _flavor(row: sa.Row, details: Details) -> object:
    if details.version >= 47:
        return _flavor_embedded(row.flavor, details.extra_specs)
    flavorid = _flavor_id(row.flavor)
    return {"id": flavorid, "links": details.links.bookmark("flavors", flavorid)}


def _image_of(row: sa.Row, details: Details) -> object:
    if not row.image:
        return ""
    image_id = _image(row.image)[0]
    return {"id": image_id, "links": [{"rel": "bookmark", "href": f"{details.links.bookmarks}/images/{image_id}"}]}


def _image_property(name: str) -> Callable[[sa.Row, Details], str]:
    return lambda row, _: (_image(row.image)[1].get(name) or "") if row.image else ""


def _addresses(row: sa.Row, _details: Details) -> object:
    return embedded(row.network_info).addresses if row.network_info else {}


def _security_groups(row: sa.Row, _details: Details) -> list[dict[str, str]]:
    return embedded(row.network_info).security_groups if row.network_info else _SECURITY_GROUPS


def _links(row: sa.Row, details: Details) -> list[dict[str, str]]:
    return links(details.links, row.uuid)


def links(base: Links, uuid: str) -> list[dict[str, str]]:
    """Return both links of a server (a uuid needs no quoting)."""
    return [
        {"rel": "self", "href": f"{base.versioned}/servers/{uuid}"},
        {"rel": "bookmark", "href": f"{base.bookmarks}/servers/{uuid}"},
    ]


_SECURITY_GROUPS = [{"name": "default"}]
_ATTRIBUTE = "OS-EXT-SRV-ATTR:"

FIELDS: tuple[Field, ...] = (
    Field("id", 1, ALWAYS, "uuid"),
    Field("name", 1, ALWAYS, "display_name"),
    Field("links", 1, ALWAYS, _links),
    Field("tenant_id", 1, ALWAYS, "project_id"),
    Field("user_id", 1, ALWAYS, "user_id"),
    Field("metadata", 1, ALWAYS, lambda row, _: msgspec.Raw(row.metadata)),
    Field("created", 1, ALWAYS, lambda row, _: zulu(row.created_at)),
    Field("updated", 1, ALWAYS, lambda row, _: zulu(row.updated_at)),
    Field("addresses", 1, ALWAYS, _addresses),
    Field("accessIPv4", 1, ALWAYS, Constant("")),
    Field("accessIPv6", 1, ALWAYS, Constant("")),
    Field("flavor", 1, ALWAYS, _flavor),
    Field("image", 1, ALWAYS, _image_of),
    Field("hostId", 1, ALWAYS, lambda row, _: host_id(row.project_id, row.host)),
    Field("OS-DCF:diskConfig", 1, ALWAYS, Constant("MANUAL")),
    Field("config_drive", 1, FULL, lambda row, _: "True" if row.config_drive else ""),
    Field("key_name", 1, FULL, "key_name"),
    Field("security_groups", 1, FULL, _security_groups),
    Field("os-extended-volumes:volumes_attached", 1, FULL, Constant([])),
    Field("OS-EXT-AZ:availability_zone", 1, FULL, lambda row, _: row.availability_zone or ""),
    Field("OS-EXT-STS:vm_state", 1, FULL, "vm_state"),
    Field("OS-EXT-STS:task_state", 1, FULL, "task_state"),
    Field("OS-EXT-STS:power_state", 1, FULL, "power_state"),
    Field("OS-SRV-USG:launched_at", 1, FULL, lambda row, _: naive(row.launched_at)),
    Field("OS-SRV-USG:terminated_at", 1, FULL, lambda row, _: naive(row.terminated_at)),
    Field(_ATTRIBUTE + "host", 1, ATTRIBUTES, "host"),
    Field(_ATTRIBUTE + "hypervisor_hostname", 1, ATTRIBUTES, "host"),
    Field(_ATTRIBUTE + "instance_name", 1, ATTRIBUTES, lambda row, _: f"instance-{row.id:08x}"),
    Field(_ATTRIBUTE + "hostname", 3, ATTRIBUTES, "hostname", 89),
    Field(_ATTRIBUTE + "hostname", 90, FULL, "hostname"),
    Field(_ATTRIBUTE + "reservation_id", 3, ATTRIBUTES, "reservation_id"),
    Field(_ATTRIBUTE + "launch_index", 3, ATTRIBUTES, "launch_index"),
    Field(_ATTRIBUTE + "kernel_id", 3, ATTRIBUTES, _image_property("kernel_id")),
    Field(_ATTRIBUTE + "ramdisk_id", 3, ATTRIBUTES, _image_property("ramdisk_id")),
    Field(_ATTRIBUTE + "root_device_name", 3, ATTRIBUTES, lambda row, _: "/dev/vda" if row.launched_at else None),
    Field(_ATTRIBUTE + "user_data", 3, ATTRIBUTES, lambda row, details: details.user_data.get(row.uuid)),
    Field("locked", 9, ALWAYS, lambda row, _: row.locked_by is not None),
    Field("host_status", 16, HOST_STATUS, lambda row, details: _host_status(row, details)),
    Field("description", 19, ALWAYS, "display_description"),
    Field("tags", 26, ALWAYS, lambda row, _: msgspec.Raw(row.tags)),
    Field("trusted_image_certificates", 63, ALWAYS, Constant(None)),
    Field("server_groups", 71, SINGLE, lambda row, _: [row.group_uuid] if row.group_uuid else []),
    Field("locked_reason", 73, ALWAYS, Constant(None)),
    Field("pinned_availability_zone", 96, FULL, lambda row, details: details.pinned_zones.get(row.uuid)),
)


def _host_status(row: sa.Row, details: Details) -> str:
    return details.host_statuses.get(row.host, "UNKNOWN") if row.host else ""


@functools.lru_cache(maxsize=16)
def _plain(names: tuple[str, ...]) -> Callable[[sa.Row], tuple]:
    """Return what makes a named tuple of a row: its attributes are read ten times faster, and each is read often."""
    return namedtuple("PlainRow", names)._make


class Plan(msgspec.Struct, frozen=True):
    """The fields of one kind of answer, sorted by how their values are come by."""

    constants: dict[str, object]
    column_keys: tuple[str, ...]
    columns: Callable[[sa.Row], tuple]
    worked_out: tuple[tuple[str, Callable[[sa.Row, Details], object]], ...]


@functools.lru_cache(maxsize=512)
def _plan(version: int, shown: frozenset[str]) -> Plan:
    fields = [field for field in FIELDS if field.since <= version <= field.until and field.shown in shown]
    columns = [field for field in fields if isinstance(field.value, str)]
    return Plan(
        {field.key: field.value.value for field in fields if isinstance(field.value, Constant)},
        tuple(field.key for field in columns),
        operator.attrgetter(*(field.value for field in columns)),
        tuple((field.key, field.value) for field in fields if callable(field.value)),
    )


class ServerView:
    """The detailed view of servers for one request."""

    def __init__(self, details: Details):
        self._details = details
        self._plan = _plan(details.version, details.shown)

    def show(self, row: sa.Row) -> dict[str, object]:
        """Return one server with all details."""
        details = self._details
        row = _plain(row._fields)(row)
        plan = self._plan
        server = plan.constants.copy()
        server.update(zip(plan.column_keys, plan.columns(row), strict=True))
        for key, value in plan.worked_out:
            server[key] = value(row, details)
        name = server["status"] = "DELETED" if row.deleted else status(row.vm_state, row.task_state)
        if name in _PROGRESS:
            server["progress"] = 0
        elif name in _FAULTY and row.fault_code is not None:
            server["fault"] = self._fault(row)
        if server.get("security_groups") == []:
            del server["security_groups"]
        if details.unknown_only and server.get("host_status") != "UNKNOWN":
            server.pop("host_status", None)
        return server

    def _fault(self, row: sa.Row) -> dict[str, object]:
        fault = {"code": row.fault_code, "created": zulu(row.fault_created_at), "message": row.fault_message}
        if row.fault_details and (self._details.is_admin or row.fault_code != 500):
            fault["details"] = row.fault_details
        return fault


def basic(row: sa.Row, base: Links) -> dict[str, object]:
    """Return one server of a list without details."""
    return {"id": row.uuid, "name": row.display_name, "links": links(base, row.uuid)}


def created(uuid: str, base: Links, admin_pass: str, security_groups: list[dict[str, str]] | None) -> dict[str, object]:
    """Return the answer to a create."""
    return {
        "server": {
            "id": uuid,
            "links": links(base, uuid),
            "OS-DCF:diskConfig": "MANUAL",
            "security_groups": _SECURITY_GROUPS if security_groups is None else security_groups,
            "adminPass": admin_pass,
        }
    }
