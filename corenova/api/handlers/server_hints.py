"""Scheduler hints of a create: the server group is looked up, Nova's own hints are dropped, the rest goes along."""

from corenova.api.call import Call
from corenova.db import groups
from corenova.exceptions import InvalidInput, NotFound

_KEYS = ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints")


def group_and_hints(call: Call) -> tuple[str | None, dict[str, object]]:
    """Return the uuid of the server group, if one is named, and the other hints."""
    hints = next((call.body[key] for key in _KEYS if key in call.body), None)
    if not hints:
        return None, {}
    kept = {key: value for key, value in hints.items() if key != "group" and not key.startswith("_nova")}
    named = hints.get("group")
    group_uuid = named[0] if isinstance(named, list) and named else named or None
    if group_uuid is not None:
        _check(call, group_uuid)
    return group_uuid, kept


def _check(call: Call, group_uuid: str) -> None:
    try:
        call.read(lambda connection: groups.get(connection, group_uuid, project_id=call.scope))
    except NotFound as error:
        raise InvalidInput(str(error)) from None
