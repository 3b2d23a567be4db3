"""Scheduler hints of a create: the group is looked up, and what the schema cannot see is checked."""

import ipaddress

import msgspec

from corenova.api.call import Call
from corenova.db import groups
from corenova.exceptions import InvalidInput, NotFound
from corenova.objects import json_query

_KEYS = ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints")
_MOST_BYTES = 32 * 1024
"""The most that all hints of a request may be together: each of its servers keeps them."""
_CIDR = "/24"

Hints = dict[str, object]


def group_and_hints(call: Call) -> tuple[str | None, Hints]:
    """Return the uuid of the server group, if one is named, and the other hints.

    :raises InvalidInput: there is no such group, or a hint cannot be meant.
    """
    hints = next((call.body[key] for key in _KEYS if key in call.body), None)
    if not hints:
        return None, {}
    _check_size(hints)
    kept = {key: value for key, value in hints.items() if key != "group" and not key.startswith("_nova")}
    if "query" in kept:
        kept["query"] = _query(kept["query"])
    _check_network(kept)
    named = hints.get("group")
    group_uuid = named[0] if isinstance(named, list) and named else named or None
    if group_uuid is not None:
        _check_group(call, group_uuid)
    return group_uuid, kept


def _check_size(hints: Hints) -> None:
    size = len(msgspec.json.encode(hints))
    if size > _MOST_BYTES:
        raise InvalidInput(f"The scheduler hints are {size} bytes together, more than {_MOST_BYTES}.")


def _query(query: str | list) -> str:
    """Return the query as text, as filters read it."""
    if isinstance(query, list):
        query = msgspec.json.encode(query).decode()
    try:
        decoded = msgspec.json.decode(query)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"The scheduler hint query is no JSON: {error}") from None
    fault = json_query.fault(decoded)
    if fault:
        raise InvalidInput(f"The scheduler hint query {fault}.")
    return query


def _check_network(hints: Hints) -> None:
    if "build_near_host_ip" in hints:
        network = f"{hints['build_near_host_ip']}{hints.get('cidr', _CIDR)}"
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise InvalidInput(f"The scheduler hints build_near_host_ip and cidr name no network: {network}.") from None


def _check_group(call: Call, group_uuid: str) -> None:
    try:
        call.read(lambda connection: groups.get(connection, group_uuid, project_id=call.scope))
    except NotFound as error:
        raise InvalidInput(str(error)) from None
