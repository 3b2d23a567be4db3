"""The filter contract: may this host take this request?

A filter is any class with one of two methods, or both (no base class is needed). Registered in the entry point group
``corenova.scheduler.filters`` under its class name; switched on by ``[filter_scheduler] enabled_filters``. The
built-in stages (capacity, zone, disabled hosts, tenants) have run before it.
"""

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec


class HostColumns(Protocol):
    """All hosts at once, one numpy array a fact, every array of length N and in the same order. Read-only.

    ``is_up`` and ``disabled`` are bool, ``vcpus_free`` is float64 (total * ratio - used, without the reserve, as Nova's
    CPUWeigher counts), the others are int64. ``states`` gives the row view of each host, for what has no column.
    """

    names: list[str]
    states: list[HostState]
    is_up: np.ndarray
    disabled: np.ndarray
    free_ram_mb: np.ndarray
    free_disk_mb: np.ndarray
    vcpus_free: np.ndarray
    num_instances: np.ndarray
    num_io_ops: np.ndarray
    failed_builds: np.ndarray

    def __len__(self) -> int: ...


@runtime_checkable
class ScalarFilter(Protocol):
    """The form to write first."""

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when ``host_state`` may take ``spec``.

        Called in a scheduler thread, for many hosts, possibly for the same pair again and from several threads. Must
        not block, do I/O, or change its arguments. A filter that raises says no to that host (it fails closed), and
        the fault is shown to the operator. Forced hosts (``az:host``) are not asked.
        """
        ...


@runtime_checkable
class VectorFilter(Protocol):
    """The fast form: one call for all hosts. It must decide as ``host_passes`` does when both are there."""

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return a bool array of length N, True where the host may take ``spec``; same rules as host_passes."""
        ...


class FilterTraits(Protocol):
    """Optional class attributes of a filter.

    :cvar run_filter_once_per_request: True: a host that passed stays passed while a batch of equal instances is placed
        (Nova's attribute). Say it when the answer does not depend on what is claimed on the host; default False.
    """

    run_filter_once_per_request: ClassVar[bool]


class ExplainingFilter(Protocol):
    """Optional: words for a no."""

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Return one sentence why this host was refused. Called only after a no, when somebody asks why.

        It may name facts of the host; the host's name is added by the caller where the reader may see it.
        """
        ...
