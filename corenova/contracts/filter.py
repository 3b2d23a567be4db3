"""The filter contract: may this host take this request?

A filter is any class with one of two methods, or both (no base class is needed). Registered in the entry point group
``corenova.scheduler.filters`` under its class name; switched on by ``[filter_scheduler] enabled_filters``. The
built-in stages (capacity, traits, zone, disabled hosts, tenants) have run before it.

Answers are kept per *request class*, the fields of the request that the enabled plug-ins read, and brought up to date
with the hosts that change. What was read, of the request and of the columns, is noted while a plug-in reads it; nothing
need be declared. A plug-in must judge each host by itself: its word on one may not depend on another.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec

CONTRACT_VERSION = (1, 0)


class HostColumns(Protocol):
    """Hosts as columns, one numpy array a fact, every array of length N and in the same order. Read-only.

    These may be all hosts or the few that have changed. ``is_up`` and ``disabled`` are bool, ``vcpus_free`` is float64
    (total * ratio - used, without the reserve, as Nova's CPUWeigher counts), the others are int64. ``states`` gives
    the row view of each host, with the attributes of HostState, for what has no column.
    """

    names: Sequence[str]
    states: Sequence[HostState]
    is_up: np.ndarray
    disabled: np.ndarray
    free_ram_mb: np.ndarray
    free_disk_mb: np.ndarray
    vcpus_free: np.ndarray
    num_instances: np.ndarray
    num_io_ops: np.ndarray
    failed_builds: np.ndarray
    hypervisor_version: np.ndarray
    free_pci_devices: np.ndarray

    def __len__(self) -> int: ...

    def rows(self, names: Iterable[str]) -> np.ndarray:
        """Return the positions (intp) of those of the hosts ``names`` that are among these."""
        ...

    def free(self, resource_class: str) -> np.ndarray:
        """Return what is left of a resource class, ratio applied and reserve deducted (int64; 0 where there is none).

        May be negative after a cut of the capacity.
        """
        ...

    def capacity(self, resource_class: str) -> np.ndarray:
        """Return what may be claimed of a resource class in sum on an empty host (int64; 0 where there is none)."""
        ...

    def has_trait(self, trait: str) -> np.ndarray:
        """Return where the host has ``trait`` (bool)."""
        ...

    def by_aggregates(self, judge: Callable[[tuple[Aggregate, ...]], bool | int | float]) -> np.ndarray:
        """Return ``judge`` of each host's aggregates; it is asked once for each set of aggregates, not once a host."""
        ...


@runtime_checkable
class ScalarFilter(Protocol):
    """The form to write first."""

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when ``host_state`` may take ``spec``.

        Called in a scheduler thread, for many hosts, possibly for the same pair again and from several threads. Must
        not block, do I/O, or change its arguments, nor keep them. A filter that raises says no to that host (it fails
        closed), and the fault is shown to the operator. Forced hosts (``az:host``) are not asked.
        """
        ...


@runtime_checkable
class VectorFilter(Protocol):
    """The fast form: one call for many hosts. It must decide as ``host_passes`` does when both are there."""

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return a bool array of length N, True where the host may take ``spec``; same rules as host_passes."""
        ...


class FilterTraits(Protocol):
    """Optional class attributes of a filter, all under Nova's names.

    :cvar run_filter_once_per_request: True: a host that passed stays passed while a batch of equal instances is placed.
        Say it when the answer does not depend on what is claimed on the host; default False.
    :cvar RUN_ON_REBUILD: True: the filter is asked for a rebuild on the same host too (a new image has to fit the host
        where the server is); default False.
    """

    run_filter_once_per_request: ClassVar[bool]
    RUN_ON_REBUILD: ClassVar[bool]


class SelectiveFilter(Protocol):
    """Optional: a filter that judges the single request (its group, its hints), not a class of requests.

    So must one whose answer changes by itself, with the time of day for instance: no host changes by that, and what is
    kept would stay.
    """

    def applies(self, spec: RequestSpec) -> bool:
        """Return False when ``spec`` is none of this filter's business: then it passes every host.

        A filter that has this method is kept out of what is cached per request class. For a request that it applies
        to it is asked lazily, the best host first, until one passes; it is shown as evaluated on that many hosts. Its
        False is kept, so it may depend on the request and the options alone.
        """
        ...


class ExplainingFilter(Protocol):
    """Optional: words for a no."""

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Return one sentence why this host was refused. Called only after a no, when somebody asks why.

        It may name facts of the host; the host's name is added by the caller where the reader may see it.
        """
        ...
