"""``networks`` and ``security_groups`` of a request for servers, checked with the network service."""

from typing import Any

from corenova.api.call import Call
from corenova.contracts.network import AUTO, NONE, NetworkPlan
from corenova.exceptions import InvalidInput
from corenova.objects.network import WantedNic

_ATTACH = "os_compute_api:servers:create:attach_network"


def network_of(call: Call, server: dict[str, Any], count: int) -> NetworkPlan | None:
    """Return which ports the servers get, None for none; nothing is written.

    Up to 2.36 a request may say nothing, which is what ``auto`` says from 2.37 on; there an empty list says it too.

    :param count: how many servers at most.
    """
    asked = server.get("networks") or AUTO
    if asked == NONE:
        return None
    groups = [group["name"] for group in server.get("security_groups", ())]
    wanted = asked if isinstance(asked, str) else [_wanted(entry) for entry in asked]
    if wanted != AUTO:
        call.authorize(_ATTACH)
    return call.services.backends.networks.plan(call.context, wanted, groups=groups, count=count)


def _wanted(entry: dict[str, str | None]) -> WantedNic:
    if not entry.get("port") and not entry.get("uuid"):
        raise InvalidInput("Each entry of networks must name a port or the uuid of a network.")
    if entry.get("port") and entry.get("fixed_ip"):
        raise InvalidInput(
            f"Specified Fixed IP '{entry['fixed_ip']}' cannot be used with port '{entry['port']}': "
            "the two cannot be specified together."
        )
    return WantedNic(
        network_id=entry.get("uuid"), port_id=entry.get("port"), address=entry.get("fixed_ip"), tag=entry.get("tag")
    )
