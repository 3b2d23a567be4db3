"""Real requests with NUMA nodes, groups and fault domains (tests/data/huawei-topo-sample.csv) through the pipeline.

Nodes become ``hw:numa_nodes``, groups server groups with a hard policy, fault domains zones of a third of the hosts.
What was placed is counted again here, without the code under test.
"""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova import loader
from corenova.objects.request_spec import InstanceGroup
from corenova.objects.topology import HostTopology, NumaCell
from corenova.objects.topology_wish import with_wish

TRACE = Path(__file__).parents[2] / "data" / "huawei-topo-sample.csv"
FILTERS = ["NUMATopologyFilter", "ServerGroupAffinityFilter", "ServerGroupAntiAffinityFilter"]
HOSTS, DOMAINS, CELL_CPUS, CELL_MB = 60, 3, 40, 80 * 1024
CELLS = tuple(
    NumaCell(id=n, memory_mb=CELL_MB, shared=tuple((n * CELL_CPUS + at,) for at in range(CELL_CPUS))) for n in range(2)
)


class Placed(msgspec.Struct):
    """One request of the trace, the host that it got, and the wish that it was placed with."""

    row: dict
    host: str | None
    wish: object


@pytest.fixture(scope="module")
def outcome(build):
    """Play the trace: (hosts afterwards, what became of each request)."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    pipeline = build.pipeline(loader.load(conf, loader.FILTERS, FILTERS))
    hosts = build.table(
        *(
            build.host(
                f"h{n:02}",
                vcpus=2 * CELL_CPUS,
                ram_mb=2 * CELL_MB,
                topology=HostTopology(cells=CELLS),
                aggregates=[{"availability_zone": f"domain{n % DOMAINS}"}],
            )
            for n in range(HOSTS)
        )
    )
    groups: dict[str, InstanceGroup] = {}
    placed = []
    with TRACE.open() as file:
        for row in csv.DictReader(file):
            spec, group = request(build, row, groups)
            (decision,) = pipeline.place(hosts, spec, 1)
            if group is not None and decision.host is not None:
                groups[group.uuid] = group.with_member(decision.host)
            placed.append(Placed(row, decision.host, spec.topology))
    return hosts, placed


def request(build, row, groups):
    group = None
    if row["strategy"] in ("affinity", "anti-affinity"):
        uuid = f"{row['strategy']} {row['group']}"
        group = groups.setdefault(uuid, InstanceGroup(uuid=uuid, name=uuid, policy=row["strategy"]))
    spec = build.spec(
        vcpus=int(row["vcpus"]),
        ram_mb=int(row["mem_gb"]) * 1024,
        disk_gb=0,
        extra_specs={"hw:numa_nodes": row["numa_nodes"]},
        availability_zone=f"domain{row['domain']}" if row["strategy"] == "fault_domain" else None,
        instance_group=group,
    )
    return with_wish(spec, {}), group


def of(placed, strategy):
    found = defaultdict(list)
    for one in placed:
        if one.row["strategy"] == strategy and one.host is not None:
            found[one.row["group"]].append(one)
    return found


def test_only_who_must_follow_its_group_to_a_full_host_is_refused(outcome):
    _, placed = outcome
    assert len(placed) == 300
    assert {one.row["numa_nodes"] for one in placed} == {"1", "2"}
    refused = [one for one in placed if one.host is None]
    assert len(refused) <= 6  # one group asks for 192 vCPUs and a host has 80
    assert {one.row["strategy"] for one in refused} == {"affinity"}


def test_no_cell_has_more_than_it_holds_and_each_guest_has_its_cells(outcome):
    hosts, placed = outcome
    vcpus, memory = Counter(), Counter()
    for one in placed:
        if one.host is not None:
            assert len(one.wish.cells) == int(one.row["numa_nodes"])
            vcpus[one.host] += int(one.row["vcpus"])
            memory[one.host] += int(one.row["mem_gb"]) * 1024
    for state in hosts.states:
        used = state.topology.used.cells
        assert sum(cell.vcpus for cell in used.values()) == vcpus[state.host]
        assert sum(cell.memory_mb for cell in used.values()) == memory[state.host]
        assert all(cell.vcpus <= CELL_CPUS and cell.memory_mb <= CELL_MB for cell in used.values())


def test_groups_keep_together_or_apart(outcome):
    _, placed = outcome
    together, apart = of(placed, "affinity"), of(placed, "anti-affinity")
    assert len(together) > 1
    assert len(apart) > 1
    assert all(len({one.host for one in members}) == 1 for members in together.values())
    assert all(len({one.host for one in members}) == len(members) for members in apart.values())


def test_fault_domains_are_kept(outcome):
    hosts, placed = outcome
    members = [one for group in of(placed, "fault_domain").values() for one in group]
    assert len(members) > 50
    zones = {name: hosts.zone(row) for row, name in enumerate(hosts.names)}
    assert all(zones[one.host] == f"domain{one.row['domain']}" for one in members)
