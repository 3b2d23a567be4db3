"""ComputeCapabilitiesFilter: the flavor's extra specs that speak of the host must be true of it.

A key is a path to a fact of the host, its steps parted by colons: ``capabilities:hypervisor_type`` or, nested,
``capabilities:cpu_info:topology:cores``. A key of another scope (``hw:``, ``resources:``, ``trait:`` ...) is somebody
else's and is ignored. A key without any scope is taken as a fact of the host, as in Nova; that is why unscoped keys
are better avoided: one that names no such fact is met by no host.
"""

from collections.abc import Iterable

import numpy as np

from corenova.contracts import extra_specs_ops
from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import host_facts

SCOPE = "capabilities"
ADDRESS_BITS = "hw:maxphysaddr_bits"

Requirement = tuple[tuple[str, ...], str]


class ComputeCapabilitiesFilter:
    """Pass hosts that have what the extra specs demand, in the language of ``extra_specs_ops``."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when every extra spec that speaks of the host is true of it."""
        return _first_unmet(host_state, requirements(spec)) is None

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return host_passes for each host, at once when the flavor demands nothing, which is the usual case."""
        wanted = requirements(spec)
        if not wanted:
            return np.ones(len(hosts), dtype=bool)
        return np.array([_first_unmet(state, wanted) is None for state in hosts.states], dtype=bool)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Name the first extra spec that is not met, with what the host has instead."""
        unmet = _first_unmet(host_state, requirements(spec))
        if unmet is None:
            return "It meets the flavor's extra specs."
        path, requirement = unmet
        value = fact(host_state, path)
        name = ":".join(path)
        if value is None:
            return f"The flavor asks for {name} '{requirement}', and the host knows no {name}."
        return f"The flavor asks for {name} '{requirement}', the host has '{value}'."


def requirements(spec: RequestSpec) -> list[Requirement]:
    """Return (path to the fact, demand) of each extra spec that speaks of the host."""
    wanted = []
    for key, demand in spec.flavor.extra_specs.items():
        scope, *rest = key.split(":")
        if not rest:
            wanted.append(((scope,), demand))
        elif scope == SCOPE:
            wanted.append((tuple(rest), demand))
        elif key == ADDRESS_BITS:
            # The one key of the hw: scope with a meaning here: the flavor gives a number, and more bits are fine too.
            wanted.append((("cpu_info", "maxphysaddr", "bits"), f">= {demand}"))
    return wanted


def fact(host_state: HostState, path: Iterable[str]) -> str | None:
    """Return the fact of the host at ``path`` as text, or None when there is none."""
    value = host_facts.look_up(host_state, path)
    if value is None:
        return None
    # A set has no order of its own: without one the same demand could be met today and not tomorrow.
    return str(sorted(value)) if isinstance(value, frozenset) else str(value)


def _first_unmet(host_state: HostState, wanted: list[Requirement]) -> Requirement | None:
    for path, demand in wanted:
        value = fact(host_state, path)
        if value is None or not extra_specs_ops.matches(value, demand):
            return path, demand
    return None
