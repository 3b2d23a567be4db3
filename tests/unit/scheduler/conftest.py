"""Small fleets for the scheduler's tests: hosts and requests as values, pipelines of plug-ins made on the spot."""

from types import SimpleNamespace

import msgspec
import pytest

from corenova.loader import Plugin
from corenova.objects.host_row import HostRow
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import Flavor, RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.pipeline import Pipeline
from corenova.scheduler.stages import AvailabilityZone, Capacity, ForcedHost, HostEnabled, Tenant


def host(name="h", *, vcpus=8, ram_mb=8192, disk_gb=100, used=(0, 0, 0), inventories=None, aggregates=(), **facts):
    """Return a HostRow; ``used`` is of vcpus, ram_mb, disk_gb; ``aggregates`` are dicts of metadata."""
    held = {"VCPU": vcpus, "MEMORY_MB": ram_mb, "DISK_GB": disk_gb}
    fits = {n: Inventory(total=total, used=u) for (n, total), u in zip(held.items(), used, strict=True)}
    defaults = {
        "id": 0, "uuid": f"uuid-{name}", "host": name, "hypervisor_type": "fake", "hypervisor_version": 1,
        "host_ip": "192.0.2.1", "facts": {}, "failed_builds": 0, "changed_at": 0.0, "revision": 0,
        "address": f"compute-{name}",
        "service_id": 1, "service_uuid": "s", "disabled": False, "disabled_reason": None, "is_up": True,
        "num_instances": 0, "num_io_ops": 0,
    }  # fmt: skip
    return msgspec.convert(
        defaults
        | facts
        | {
            "inventories": fits | (inventories or {}),
            "aggregates": [(f"a{n}", msgspec.json.encode(m).decode()) for n, m in enumerate(aggregates)],
        },
        HostRow,
    )


def table(*rows):
    """Return these hosts (or as many plain ones, for a number) as a HostTable."""
    if rows and isinstance(rows[0], int):
        rows = [host(f"h{number}") for number in range(rows[0])]
    return HostTable.of(rows)


def spec(*, vcpus=1, ram_mb=512, disk_gb=1, extra_specs=None, project_id="p", **fields):
    """Return a request for a server of that size."""
    flavor = Flavor(
        flavorid="1", name="f", vcpus=vcpus, memory_mb=ram_mb, root_gb=disk_gb, extra_specs=extra_specs or {}
    )
    return RequestSpec(project_id=project_id, user_id="u", flavor=flavor, **fields)


def plugin(name, **members):
    """Return a plug-in of that name whose methods are these functions (without self)."""
    return Plugin(name, type(name, (), {k: staticmethod(v) if callable(v) else v for k, v in members.items()})(), "d")


def pipeline(filters=(), weighers=(), *, tenant=None, **options):
    """Return a pipeline with all built-in stages; a weigher is a Plugin or (Plugin, multiplier)."""
    stages = [HostEnabled(), ForcedHost(), AvailabilityZone(), tenant or Tenant(limited=False, required=False)]
    pairs = [one if isinstance(one, tuple) else (one, 1.0) for one in weighers]
    return Pipeline([*stages, Capacity()], filters, pairs, **options)


def by_name(raw, **traits):
    """Return a weigher whose raw weights are given by host name, 0 for the others."""
    return plugin("ByName", weigh=lambda state, _: float(raw.get(state.host, 0)), **traits)


@pytest.fixture(scope="session")
def build():
    """The builders of this file."""
    return SimpleNamespace(
        Plugin=Plugin, host=host, table=table, spec=spec, plugin=plugin, pipeline=pipeline, by_name=by_name
    )
