"""What the suites of filters and weighers share: hosts and requests to draw, and whether these were left alone."""

import copy
import functools
from typing import ClassVar

from hypothesis import strategies as st

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.testing import strategies
from corenova.testing.builders import columns
from corenova.testing.suites.base import PluginSuite

COLUMNS = (
    "is_up", "disabled", "free_ram_mb", "free_disk_mb", "vcpus_free", "num_instances", "num_io_ops", "failed_builds",
    "hypervisor_version", "free_pci_devices",
)  # fmt: skip
_HOSTS, _REQUESTS = strategies.hosts(), strategies.requests()


class Asked:
    """Some hosts and a request, as they are handed to a plug-in, and as they were before.

    :ivar table: the hosts as columns; ``table.states`` are its rows.
    """

    def __init__(self, table: HostTable, spec: RequestSpec):
        self.table, self.spec = table, spec
        self._before = copy.deepcopy(self._now())

    def _now(self) -> tuple[object, ...]:
        columns = {name: getattr(self.table, name).tolist() for name in COLUMNS}
        rows = [
            {name: getattr(state, name) for name in HostState.__struct_fields__ if name != "topology"}
            for state in self.table.states
        ]
        return columns, rows, self.spec

    def check_unchanged(self) -> None:
        """Fail when the plug-in has changed what it was handed."""
        for before, now, what in zip(self._before, self._now(), ("columns", "hosts", "the request"), strict=True):
            assert now == before, f"it has changed {what}"


class SchedulingSuite(PluginSuite):
    """A filter or weigher, asked about drawn hosts and requests.

    :cvar hosts: strategy of the hosts to draw; their names must differ, or only one of them is taken.
    :cvar requests: strategy of the requests.
    """

    hosts: ClassVar[st.SearchStrategy[HostState]] = _HOSTS
    requests: ClassVar[st.SearchStrategy[RequestSpec]] = _REQUESTS

    @classmethod
    def asked(cls, data: st.DataObject) -> Asked:
        """Draw hosts, on some of which a claim was entered, and a request."""
        if "_fleets" not in vars(cls):
            cls._fleets = strategies.fleets(cls.hosts)
        states = data.draw(cls._fleets, label="hosts")
        spec = data.draw(cls.requests, label="request")
        table = columns(states)
        for index in data.draw(_claimed(len(states)), label="claims entered on") if states else ():
            table.consume(index, dict.fromkeys(states[index].inventories, 1))
        return Asked(table, spec)


@functools.cache
def _claimed(count: int) -> st.SearchStrategy[set[int]]:
    return st.sets(st.integers(0, count - 1))
