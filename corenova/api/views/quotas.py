"""Limits and quota sets as clients see them. LIMITS says once which resource is shown where, up to which version."""

from collections.abc import Mapping
from typing import NamedTuple

UNLIMITED = -1


class Limit(NamedTuple):
    """One resource with a limit.

    :param maxima: its names in ``GET /limits``, each with the last microversion that shows it.
    :param used: its name for what is used there, if it has one.
    :param until: the last microversion whose quota sets and limits have the resource.
    :param fixed: its value when it is no option of ours.
    """

    name: str
    maxima: tuple[tuple[str, int], ...]
    used: str | None = None
    until: int = 1_000
    fixed: int | None = None


_ALWAYS = 1_000
LIMITS: tuple[Limit, ...] = (
    Limit("instances", (("maxTotalInstances", _ALWAYS),), "totalInstancesUsed"),
    Limit("cores", (("maxTotalCores", _ALWAYS),), "totalCoresUsed"),
    Limit("ram", (("maxTotalRAMSize", _ALWAYS),), "totalRAMUsed"),
    Limit("metadata_items", (("maxServerMeta", _ALWAYS), ("maxImageMeta", 38))),
    Limit("key_pairs", (("maxTotalKeypairs", _ALWAYS),)),
    Limit("server_groups", (("maxServerGroups", _ALWAYS),), "totalServerGroupsUsed"),
    Limit("server_group_members", (("maxServerGroupMembers", _ALWAYS),)),
    # Limits of what we do not have; their keys are part of the older microversions.
    Limit("floating_ips", (("maxTotalFloatingIps", _ALWAYS),), "totalFloatingIpsUsed", 35, UNLIMITED),
    Limit("fixed_ips", (), None, 35, UNLIMITED),
    Limit("security_groups", (("maxSecurityGroups", _ALWAYS),), "totalSecurityGroupsUsed", 35, UNLIMITED),
    Limit("security_group_rules", (("maxSecurityGroupRules", _ALWAYS),), None, 35, UNLIMITED),
    Limit("injected_files", (("maxPersonality", _ALWAYS),), None, 56, 0),
    Limit("injected_file_content_bytes", (("maxPersonalitySize", _ALWAYS),), None, 56, 0),
    Limit("injected_file_path_bytes", (), None, 56, 0),
)


def absolute(maxima: Mapping[str, int], used: Mapping[str, int], version: int) -> dict[str, object]:
    """Return the answer to ``GET /limits``.

    :param maxima, used: by resource name.
    """
    shown: dict[str, int] = {}
    for limit in LIMITS:
        if version <= limit.until:
            shown |= {name: maxima[limit.name] for name, until in limit.maxima if version <= until}
            if limit.used:
                shown[limit.used] = used.get(limit.name, 0)
    return {"limits": {"rate": [], "absolute": shown}}


def quota_set(project_id: str, maxima: Mapping[str, int], version: int) -> dict[str, object]:
    """Return the limits of a project."""
    shown = {limit.name: maxima[limit.name] for limit in LIMITS if version <= limit.until}
    return {"quota_set": {"id": project_id} | shown}


def quota_detail(
    project_id: str, maxima: Mapping[str, int], used: Mapping[str, int], version: int
) -> dict[str, object]:
    """Return the limits of a project with what is used of them."""
    shown = {
        limit.name: {"limit": maxima[limit.name], "in_use": used.get(limit.name, 0), "reserved": 0}
        for limit in LIMITS
        if version <= limit.until
    }
    return {"quota_set": {"id": project_id} | shown}
