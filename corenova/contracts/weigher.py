"""The weigher contract: how good is this host for this request? Higher wins.

A weigher is any class with ``weigh`` or ``weights``, or both. Registered in ``corenova.scheduler.weighers`` under its
class name; chosen by ``[filter_scheduler] weight_classes``. Raw values are normalised to 0..1, multiplied, and summed.
Normalised over the candidates as Nova does (min-max; ``minval`` / ``maxval`` fix an end), or, with ``[filter_scheduler]
weight_normalization = fixed``, by the range that each weigher declares: then one host's change moves no other's weight.
"""

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

CONTRACT_VERSION = (1, 0)


class WeigherTraits(Protocol):
    """Optional class attributes of a weigher.

    :cvar multiplier_option: name of the option that holds the multiplier: one of ``[filter_scheduler]``, for instance
        ``ram_weight_multiplier``, or a FloatOpt among the weigher's own ``options``. Without it the multiplier is 1.0.
        Aggregate metadata of the same name overrides it per host (of several values the smallest).
    :cvar negate: the multiplier is applied negatively (BuildFailureWeigher).
    :cvar minval: fixed lower end of the normalisation, or None for the smallest raw value seen.
    :cvar maxval: fixed upper end, or None.
    :cvar raw_column: the column of HostColumns that the raw weights are, as it is, if they are one: then a host that a
        claim has changed is weighed without calling the weigher. It must have a form all the same, which says so.
    """

    multiplier_option: ClassVar[str | None]
    negate: ClassVar[bool]
    minval: ClassVar[float | None]
    maxval: ClassVar[float | None]
    raw_column: ClassVar[str | None]


@runtime_checkable
class ScalarWeigher(Protocol):
    """The form to write first."""

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return the raw weight of one candidate: a finite number, higher is better.

        Must not block, do I/O, or change its arguments; may be called again for the same pair. A weigher that raises
        or returns something else counts as zero for all candidates of that decision, and the fault is shown.
        """
        ...


@runtime_checkable
class VectorWeigher(Protocol):
    """The fast form: one call for all hosts. It must agree with ``weigh`` when both are there."""

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return a float64 array of length N (hosts that are no candidates included); same rules as weigh."""
        ...


class SelectiveWeigher(Protocol):
    """Optional: a weigher that looks at the single request (its group), not at a class of requests."""

    def applies(self, spec: RequestSpec) -> bool:
        """Return False when all hosts weigh the same for ``spec``: then it is not asked.

        A weigher that has this method is kept out of what is cached per request class.
        """
        ...


class FixedScaleWeigher(Protocol):
    """Optional: the range of the raw weights, for ``weight_normalization = fixed``."""

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return the ends that raw weights are normalised by; what lies outside counts as the end.

        Called with all hosts when their facts have changed. Must not depend on what is claimed or on a request, only
        on what hosts are (``capacity``, versions ...). Without it, ``minval`` and ``maxval`` must both be set; with a
        weigher that has neither, every decision is a min-max one.
        """
        ...
