"""What the query string of GET /v2/images means: filters, order and page."""

import csv

from corenova.db.images import SORT_KEYS, ImageQuery
from corenova.exceptions import InvalidInput
from corenova.objects.context import RequestContext

Query = dict[str, list[str]]
_DEFAULT_LIMIT = 25
_LISTS = ("name", "id", "status", "disk_format", "container_format")
"""Filters that take ``in:a,b``."""
_TEXTS = ("owner", "checksum", "os_hash_value")
_NUMBERS = ("min_disk", "min_ram")
_VISIBILITIES = ("public", "private", "shared", "community", "all")
_MEMBER_STATUSES = ("pending", "accepted", "rejected", "all")
_OTHER = (
    "visibility", "size_min", "size_max", "limit", "marker", "sort", "sort_key", "sort_dir", "member_status", "tag",
)  # fmt: skip


def understand(query: Query, context: RequestContext, *, max_limit: int) -> ImageQuery:
    """Return what is asked for; raises InvalidInput.

    :param query: the values of each parameter, in order.
    """
    last = {name: values[-1] for name, values in query.items()}
    one_of: dict[str, tuple[object, ...]] = {name: _values(last[name]) for name in _LISTS if name in last}
    one_of |= {name: (last[name],) for name in _TEXTS if name in last}
    one_of |= {name: (_number(name, last[name]),) for name in _NUMBERS if name in last}
    # What is hidden is seen by those who ask for it, and then nothing else is.
    one_of["os_hidden"] = (_flag("os_hidden", last.get("os_hidden", "false")),)
    if "protected" in last:
        one_of["protected"] = (_flag("protected", last["protected"]),)
    visibility, member_status = last.get("visibility"), last.get("member_status", "accepted")
    if member_status not in _MEMBER_STATUSES:
        raise InvalidInput(f"Invalid status: {member_status}. Use one of {', '.join(_MEMBER_STATUSES)}.")
    if visibility not in (None, *_VISIBILITIES):
        raise InvalidInput(f"Invalid visibility value: {visibility}")
    return ImageQuery(
        project_id=context.project_id,
        is_admin=context.is_admin,
        visibility=visibility,
        member_status=member_status,
        one_of=one_of,
        properties={name: value for name, value in last.items() if name not in (*one_of, *_OTHER)},
        tags=tuple(query.get("tag", ())),
        size_min=_number("size_min", last.get("size_min")),
        size_max=_number("size_max", last.get("size_max")),
        sort=_sort(query),
        marker=last.get("marker"),
        limit=min(_number("limit", last.get("limit", str(_DEFAULT_LIMIT))), max_limit),
    )


def _values(text: str) -> tuple[str, ...]:
    """``in:a,"b,c"`` is a or b,c; anything else is itself."""
    if not text.startswith("in:"):
        return (text,)
    return tuple(next(csv.reader([text[3:]], skipinitialspace=True), ()))


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidInput(f"{name} param must be an integer of at least 0.")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "1", "false", "0"):
        raise InvalidInput(f"{name} must be true or false.")
    return text.lower() in ("true", "1")


def _sort(query: Query) -> tuple[tuple[str, bool], ...]:
    """Either ``sort=name:asc,size`` or ``sort_key`` and ``sort_dir``, as often as wanted; otherwise newest first."""
    if "sort" in query:
        if "sort_key" in query or "sort_dir" in query:
            raise InvalidInput("Old and new sorting syntax cannot be combined.")
        pairs = [part.strip().partition(":")[::2] for part in ",".join(query["sort"]).split(",")]
    else:
        keys, directions = query.get("sort_key", ["created_at"]), query.get("sort_dir", [])
        if len(directions) > max(len(keys), 1):
            raise InvalidInput("There are more sort directions than sort keys.")
        rest = directions[0] if len(directions) == 1 else "desc"
        pairs = [(key, directions[at] if at < len(directions) else rest) for at, key in enumerate(keys)]
    for key, direction in pairs:
        if key not in SORT_KEYS:
            raise InvalidInput(f"Unsupported sort key: {key}. Use one of {', '.join(SORT_KEYS)}.")
        if direction not in ("", "asc", "desc"):
            raise InvalidInput(f"Unknown sort direction: {direction}. Use asc or desc.")
    return tuple((key, direction != "asc") for key, direction in pairs)
