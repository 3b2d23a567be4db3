"""A million decisions in one process whose memory stays flat: ``make soak``, or ``python -m benchmarks.soak [COUNT]``.

Mixed requests, servers that end, hosts that change, come and go. What is kept (classes, rankings, the journal) is full
after the first fifth; from then on neither the blocks that Python has allocated nor the process may grow.
"""

import gc
import random
import sys
import time
from collections import deque

import msgspec

from benchmarks import fleet
from corenova.objects.host_row import Facts, HostRow
from corenova.objects.request_spec import Flavor, ImageMeta, InstanceGroup, RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.manager import build_pipeline
from corenova.scheduler.pipeline import Pipeline

HOSTS = 1000
DECISIONS = 1_000_000
MOST_GROWTH = 0.05
_LIVE = 20_000
_CHANGE_EVERY = 50
_LOAD_EVERY = 20_000


class Soak:
    """A fleet and its life, the same for the same seed."""

    def __init__(self, hosts: int = HOSTS, seed: int = 3):
        self.placed = self.refused = 0
        self._chance = random.Random(seed)
        self._pipeline = _pipeline()
        self._rows = [_row(number, row) for number, row in enumerate(fleet.rows(hosts))]
        self._table = HostTable.of(self._rows)
        self._live: deque[tuple[str, RequestSpec]] = deque()
        self._done = 0

    def run(self, decisions: int) -> None:
        """Make so many more decisions."""
        last = self._done + decisions
        while self._done < last:
            spec = self._spec()
            for decision in self._pipeline.place(
                self._table, spec, min(self._chance.choice((1, 1, 1, 5)), last - self._done)
            ):
                self._done += 1
                if decision.host is None:
                    self.refused += 1
                else:
                    self.placed += 1
                    self._live.append((decision.host, spec))
            while len(self._live) > _LIVE or (self._live and self._chance.random() < 0.1):
                host, ended = self._live.popleft()
                self._table.release(self._table.index[host], ended.resources())
            if self._chance.random() < 1 / _CHANGE_EVERY:
                self._change()
            if self._chance.random() < 1 / _LOAD_EVERY:
                self._table.load(self._rows)  # as when a host has come: everything is read again
                self._live.clear()

    def _spec(self) -> RequestSpec:
        """Return one of some forty sizes, five images, three zones; every project is its own, some have a group."""
        chance = self._chance
        cpus = chance.choice((1, 2, 4, 8))
        flavor = Flavor(
            flavorid=str(cpus),
            name="f",
            vcpus=cpus,
            memory_mb=cpus * chance.choice((512, 1024, 2048, 4096, 8192)),
            root_gb=chance.choice((0, 1)),
            extra_specs={"aggregate_instance_extra_specs:ssd": "true"} if chance.random() < 0.1 else {},
        )
        group = None
        if chance.random() < 0.05:
            there = dict.fromkeys(chance.sample(self._table.names, 3), 1)
            policy = chance.choice(("anti-affinity", "soft-affinity"))
            group = InstanceGroup(uuid="g", name="g", policy=policy, hosts=there)
        return RequestSpec(
            project_id=f"{chance.getrandbits(64):016x}",
            user_id="u",
            flavor=flavor,
            image=ImageMeta(id=str(chance.randrange(5)), name="i"),
            availability_zone="nowhere" if chance.random() < 0.001 else chance.choice((None, None, "nova", "east")),
            instance_group=group,
            instance_group_uuid=group and group.uuid,
        )

    def _change(self) -> None:
        """A host goes down or comes up, is disabled, grows, or gets other traits."""
        chance, number = self._chance, self._chance.randrange(len(self._rows))
        if chance.random() < 0.5:
            self._table.set_service(number, is_up=chance.random() < 0.9, disabled=chance.random() < 0.05)
            return
        row = self._table.row(number)
        held = {
            name: msgspec.structs.replace(one, reserved=chance.randrange(3)) for name, one in row.inventories.items()
        }
        facts = Facts(traits=(f"CUSTOM_{chance.randrange(4)}",))
        self._table.apply([msgspec.structs.replace(row, inventories=held, facts=facts)])


def _pipeline() -> Pipeline:
    conf = fleet.conf(weight_normalization="fixed")
    enabled = conf.filter_scheduler.enabled_filters
    more = [
        name for name in ("ServerGroupAntiAffinityFilter", "AggregateInstanceExtraSpecsFilter") if name not in enabled
    ]
    conf.set_override("enabled_filters", [*enabled, *more], group="filter_scheduler")
    return build_pipeline(conf)


def _row(number: int, row: HostRow) -> HostRow:
    metadata = {"availability_zone": "east" if number % 4 == 0 else "nova", "ssd": "true" if number % 3 else "false"}
    return msgspec.structs.replace(row, aggregates=(("a", msgspec.json.encode(metadata).decode()),))


def memory() -> tuple[int, int]:
    """Return the blocks that Python has allocated, and the resident size of the process in KiB."""
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return sys.getallocatedblocks(), pages * 4


def main() -> None:
    """Soak, and exit with 1 when memory has grown."""
    decisions = int(sys.argv[1]) if len(sys.argv) > 1 else DECISIONS
    soak, began = Soak(), time.process_time()
    soak.run(decisions // 5)
    early = memory()
    print(f"{decisions // 5:>9} decisions: {early[0]} blocks, {early[1] / 1024:.1f} MiB", flush=True)
    soak.run(decisions - decisions // 5)
    late = memory()
    took_s = time.process_time() - began
    growth = [after / before - 1 for before, after in zip(early, late, strict=True)]
    print(f"{decisions:>9} decisions: {late[0]} blocks ({growth[0]:+.1%}), {late[1] / 1024:.1f} MiB ({growth[1]:+.1%})")
    print(f"{soak.placed} placed, {soak.refused} refused, {took_s:.0f} CPU s")
    sys.exit(max(growth) > MOST_GROWTH)


if __name__ == "__main__":
    main()
