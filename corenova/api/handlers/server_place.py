"""Where a create wants its servers: a zone, or a host of choice in one of the two forms that Nova has for it."""

import msgspec

from corenova.api.call import Call
from corenova.exceptions import InvalidInput


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for a place; empty means anywhere.

    :param hosts, nodes: forced: no filter is asked.
    :param requested_host: a host that the filters are asked about like any other.
    """

    zone: str | None = None
    hosts: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    requested_host: str | None = None


def place_of(call: Call, server: dict[str, object]) -> Place:
    """Return the place that ``server`` asks for.

    :raises InvalidInput: there is no such zone or host, or the text cannot be understood.
    :raises Forbidden: the caller may not choose hosts.
    """
    zone, host, node = _parse(server.get("availability_zone") or "")
    named = server.get("host") or server.get("hypervisor_hostname")
    if host or node:
        call.authorize("os_compute_api:servers:create:forced_host")
        _check_host(call, host or node)
        if host and node and host != node:
            raise InvalidInput(f"Host {host} has no hypervisor {node}.")
        # The host decides: a zone that it is not in is dropped, or nothing would ever fit.
        zone = zone if zone == call.services.lookups.zone_of(host or node) else ""
    if named:
        call.authorize("compute:servers:create:requested_destination")
        _check_requested(server, named, host or node)
        _check_host(call, named)
    if not (host or node or named):
        zone = zone or call.services.conf.default_schedule_zone
    if zone and not (host or node) and not call.services.lookups.has_zone(zone):
        raise InvalidInput("The requested availability zone is not available")
    return Place(
        zone=zone or None,
        hosts=(host,) if host else (),
        nodes=(node,) if node else (),
        requested_host=named or None,
    )


def _parse(text: str) -> tuple[str, str, str]:
    """Split ``zone``, ``zone:host``, ``zone:host:node`` or ``zone::node``."""
    parts = text.split(":")
    if len(parts) > 3:
        raise InvalidInput("Unable to parse availability_zone")
    zone, host, node = (*parts, "", "", "")[:3]
    return zone, host, node


def _check_requested(server: dict[str, object], named: str, forced: str) -> None:
    if forced:
        raise InvalidInput(
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are "
            "mutually exclusive."
        )
    node = server.get("hypervisor_hostname") or ""
    if node and node != named:
        raise InvalidInput(f"Host {named} has no hypervisor {node}.")


def _check_host(call: Call, host: str) -> None:
    if not call.services.lookups.has_host(host):
        raise InvalidInput(f"Compute host {host} could not be found.")
