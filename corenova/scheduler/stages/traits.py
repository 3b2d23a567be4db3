"""The stage of traits: what a host must be able to do, and must not."""

import numpy as np

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.plugin_guard import Columns
from corenova.scheduler.stages.implied_traits import required_traits


class Traits:
    """The host has every trait that the request names or implies, and none that it forbids.

    :param switches: see :func:`required_traits`.
    """

    name = "Traits"

    def __init__(self, switches: frozenset[str] = frozenset()):
        self._switches = switches

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where the traits are right."""
        right = np.ones(len(hosts), dtype=bool)
        for trait in required_traits(spec, self._switches):
            right &= hosts.has_trait(trait)
        for trait in spec.traits()[1]:
            right &= ~hosts.has_trait(trait)
        return right

    def host_passes(self, host: HostState, spec: RequestSpec) -> bool:
        """The same for one host."""
        return host.traits.issuperset(required_traits(spec, self._switches)) and host.traits.isdisjoint(
            spec.traits()[1]
        )

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Name the traits that are wrong, and what asks for those that the request does not name itself."""
        missing = [
            f"{trait} (for {rule})" if rule else trait
            for trait, rule in required_traits(spec, self._switches).items()
            if trait not in host.traits
        ]
        unwanted = [trait for trait in spec.traits()[1] if trait in host.traits]
        parts = [f"it lacks {', '.join(missing)}"] if missing else []
        parts += [f"it has {', '.join(unwanted)}, which the request forbids"] if unwanted else []
        return "; ".join(parts) or "its traits are right now"
