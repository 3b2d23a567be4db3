"""The query string of a list of servers, turned into what the database is asked. Who may filter by what is here too."""

import re
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.formats import parse_time
from corenova.api.links import Page
from corenova.api.schemas.servers import IGNORED_SORT_KEYS, INTERNAL_FILTERS
from corenova.api.schemas.types import is_true
from corenova.db.instances import SORT_KEYS, InstanceQuery
from corenova.exceptions import Forbidden, InvalidInput
from corenova.objects.states import DELETED, vm_states_of

_MEMBER_FILTERS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ("reservation_id", "name", "status", "image", "flavor", "ip", "changes-since", "all_tenants")),
    (5, ("ip6",)),
    (26, ("tags", "tags-any", "not-tags", "not-tags-any")),
    (66, ("changes-before",)),
    (73, ("locked",)),
    (
        83,
        (
            "availability_zone", "config_drive", "key_name", "created_at", "launched_at", "terminated_at",
            "power_state", "task_state", "vm_state", "progress", "user_id",
        ),
    ),
    (90, ("hostname",)),
)  # fmt: skip
"""What somebody who may not use all filters can filter by, from which microversion; the rest is ignored."""
_UNAVAILABLE = ("tags-any", "not-tags", "not-tags-any")
_ADMIN_SORT_KEYS = ("host", "node")


def _number(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise InvalidInput(f"'{text}' is not a number.")
    return int(text)


def _time(text: str) -> float:
    return parse_time(text)


def _text(text: str) -> str:
    return text


def _uuids(text: str) -> tuple[str, ...]:
    return (text,)


def _tags(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


_FILTERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "name": ("name_regex", _text),
    "display_name": ("name_regex", _text),
    "ip": ("ip4_regex", _text),
    "ip6": ("ip6_regex", _text),
    "flavor": ("flavorid", _text),
    "image": ("image_id", _text),
    "image_ref": ("image_id", _text),
    "host": ("host", _text),
    "node": ("host", _text),
    "reservation_id": ("reservation_id", _text),
    "user_id": ("user_id", _text),
    "availability_zone": ("availability_zone", _text),
    "key_name": ("key_name", _text),
    "hostname": ("hostname", _text),
    "task_state": ("task_state", _text),
    "description": ("description", _text),
    "display_description": ("description", _text),
    "uuid": ("uuids", _uuids),
    "power_state": ("power_state", _number),
    "launch_index": ("launch_index", _number),
    "config_drive": ("config_drive", is_true),
    "locked": ("locked", is_true),
    "tags": ("tags_all", _tags),
    "changes-since": ("changes_since", _time),
    "changes-before": ("changes_before", _time),
}
"""Parameter, field of InstanceQuery, and how its text becomes a value."""


def query_of(call: Call, page: Page, *, rule: str) -> InstanceQuery | None:
    """Return what to look for, or None when nothing can match.

    :param rule: the policy rule for looking at all projects.
    :raises InvalidInput: a filter makes no sense.
    :raises Forbidden: it is not for this caller.
    """
    asked = _permitted(call)
    wanted: dict[str, object] = {}
    for name, (field, convert) in _FILTERS.items():
        if name in asked:
            wanted[field] = convert(asked[name][-1])
    if wanted.get("changes_since", 0.0) > wanted.get("changes_before", float("inf")):
        raise InvalidInput("The value of changes-since must be less than or equal to changes-before.")
    states = _vm_states(call, asked)
    if states == {}:
        return None
    wanted |= {"vm_states": states, "deleted": _deleted(call, asked, states), **_projects(call, asked, rule)}
    return InstanceQuery(limit=page.most, marker=page.marker, sort=_sort(call), **wanted)


def _permitted(call: Call) -> dict[str, list[str]]:
    asked = call.query
    if not call.may("os_compute_api:servers:allow_all_filters"):
        allowed = {name for since, names in _MEMBER_FILTERS if since <= call.version for name in names}
        asked = {name: values for name, values in asked.items() if name in allowed}
    for name in asked:
        if name in INTERNAL_FILTERS or name.startswith("_"):
            raise InvalidInput(f"Invalid filter field: {name}.")
        if name in _UNAVAILABLE:
            raise InvalidInput(f"The filter {name} is not available in this release.")
    return asked


def _vm_states(call: Call, asked: dict[str, list[str]]) -> dict | None:
    """Return the wanted states, None for any. Empty: the status is none that a server can have."""
    if "status" in call.query:
        found = [vm_states_of(name.upper()) for name in call.query["status"]]
        merged = {vm_state: tasks for states in found for vm_state, tasks in states.items()}
        if not merged and call.version >= 38:
            raise InvalidInput("Invalid status value")
        return merged
    return dict.fromkeys(asked["vm_state"]) if "vm_state" in asked else None


def _deleted(call: Call, asked: dict[str, list[str]], states: dict | None) -> bool | None:
    if states is not None and list(states) == [DELETED]:
        if not call.context.is_admin:
            raise Forbidden("Only administrators may list deleted instances")
        return True
    if "deleted" in asked:
        return is_true(asked["deleted"][-1])
    return None if asked.keys() & {"changes-since", "changes-before"} else False


def _projects(call: Call, asked: dict[str, list[str]], rule: str) -> dict[str, str]:
    if not _all_tenants(asked):
        return {"project_id": call.context.project_id}
    call.authorize(rule)
    named = asked.get("project_id") or asked.get("tenant_id")
    return {"project_id": named[-1]} if named else {}


def _all_tenants(asked: dict[str, list[str]]) -> bool:
    if "all_tenants" not in asked:
        return False
    text = asked["all_tenants"][-1]
    return text == "" or _strict_boolean("all_tenants", text)


_TRUTHS = {"1": True, "t": True, "true": True, "on": True, "y": True, "yes": True}
_TRUTHS |= {"0": False, "f": False, "false": False, "off": False, "n": False, "no": False}


def _strict_boolean(name: str, text: str) -> bool:
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise InvalidInput(f"Invalid value for {name}: Unrecognized value '{text}'") from None


def _sort(call: Call) -> tuple[tuple[str, str], ...]:
    keys = call.query.get("sort_key") or ["created_at"]
    ways = call.query.get("sort_dir") or ["desc"]
    if not set(ways) <= {"asc", "desc"}:
        raise InvalidInput("Unknown sort direction, must be 'desc' or 'asc'")
    # A key without a direction of its own takes the first one, as in Nova.
    pairs = zip(keys, [*ways, *[ways[0]] * len(keys)], strict=False)
    return tuple(pair for key, way in pairs if (pair := _sort_pair(call, key, way)))


def _sort_pair(call: Call, key: str, way: str) -> tuple[str, str] | None:
    if key in _ADMIN_SORT_KEYS and not call.context.is_admin:
        raise Forbidden(f"Only administrators can sort servers by {key}")
    if key in IGNORED_SORT_KEYS and not (key == "locked" and call.version >= 73):
        return None
    column = SORT_KEYS.get(key)
    return (column, way) if column else None


def next_page(call: Call, page: Page, rows: Sequence[sa.Row], collection: str) -> dict[str, object]:
    """Return the link to the next page as a part of the answer, nothing when there is none."""
    if not page.has_next(len(rows)):
        return {}
    return {"servers_links": call.links.next(collection, call.query, rows[-1].uuid)}
