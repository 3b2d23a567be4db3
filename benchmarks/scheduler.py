"""The scheduler: one decision among up to 100,000 hosts, claims on SQLite, memory, and what a stranger's filter adds.

Decisions are timed one by one by the CPU time of their thread, between them a server is deleted, untimed; what the
delete leaves to be caught up with is part of the decision after it. Figures are medians over all decisions of all
rounds, and p10 beside them.
"""

import argparse
import dataclasses
import itertools
import json
import random
import sys
import tempfile
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import corenova
from benchmarks import fleet, machine
from benchmarks.figures import Figure, Goal, check, median, percentile
from corenova.cmd.process import SWITCH_INTERVAL_S
from corenova.db import groups, hosts, instances, migrate, schema, services
from corenova.db.engine import Database
from corenova.events import Events
from corenova.hooks import Hooks
from corenova.loader import Plugin
from corenova.objects.host_state import HostReport
from corenova.objects.request_spec import RequestSpec, SelectRequest
from corenova.objects.states import ACTIVE
from corenova.rpc.notifications import Notifier
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.manager import SchedulerManager, build_pipeline
from corenova.scheduler.pipeline import Pipeline

_ROUNDS = 40
_DECISIONS = 100
_GROUP_SIZE = 8


class PlainFilter:
    """What a stranger writes first: one Python method that looks at a host."""

    def host_passes(self, host_state: object, spec: object) -> bool:
        """Return True on hosts with fewer than 500 instances."""
        return host_state.num_instances < 500


def run(quick: bool) -> list[Figure]:
    """Measure everything; ``quick`` on small fleets and with few rounds."""
    sizes = (100, 400, 1000) if quick else (1_000, 10_000, 100_000)
    rounds = 3 if quick else _ROUNDS
    small, middle, large = sizes
    warm = {size: _warm(size, rounds, weight_normalization="fixed") for size in sizes}
    minmax = {size: _warm(size, rounds if size < large else max(3, rounds // 4)) for size in (middle, large)}
    with_filter = _warm(middle, rounds, PlainFilter(), weight_normalization="fixed")
    figures = [
        Figure("warm_median_us_10k", median(warm[middle]), "CPU us", f"fixed scales, {middle} hosts", Goal(20)),
        Figure("warm_p10_us_10k", percentile(warm[middle], 10), "CPU us", "the same, p10"),
        Figure("warm_mean_us_10k", sum(warm[middle]) / len(warm[middle]), "CPU us", "the same, mean"),
        Figure(
            "growth_100k_over_1k", median(warm[large]) / median(warm[small]), "x", f"{large} hosts to {small}", Goal(3)
        ),
        Figure("minmax_median_us_10k", median(minmax[middle]), "CPU us", f"Nova's min-max, {middle} hosts", Goal(150)),
        Figure("minmax_p10_us_10k", percentile(minmax[middle], 10), "CPU us", "the same, p10"),
        Figure("minmax_median_us_100k", median(minmax[large]), "CPU us", f"min-max, {large} hosts", Goal(1500)),
        Figure(
            "filter_warm_ratio", median(with_filter) / median(warm[middle]), "x", "one plain Python filter more, warm",
            Goal(1.1),
        ),
        Figure("filter_cold_us_per_host", _cold(middle, rounds), "CPU us", "the same, cold, a host", Goal(0.3)),
        Figure("bytes_per_host", _bytes_per_host(middle), "B", f"memory, {middle} hosts, 32 classes", Goal(1024)),
    ]  # fmt: skip
    return figures + _claims(middle, 200 if quick else 4000)


# The decision alone.


def pipeline_of(plain: object | None = None, **scheduling: object) -> Pipeline:
    """Return the default pipeline with these options of [filter_scheduler], and one filter more if given."""
    pipeline = build_pipeline(fleet.conf(**scheduling))
    if plain is None:
        return pipeline
    return _with_filter(pipeline, Plugin("PlainFilter", plain, "a stranger"))


def _with_filter(pipeline: Pipeline, plugin: Plugin) -> Pipeline:
    filters = [Plugin(guard.name, guard.plugin, "") for guard in pipeline.filters]
    weighers = [(Plugin(one.name, one.plugin, ""), one.default_multiplier) for one in pipeline.weighers]
    stages = [guard.plugin for guard in pipeline.stages]
    return Pipeline(stages, [*filters, plugin], weighers, fixed=pipeline.fixed)


def _warm(size: int, rounds: int, plain: object | None = None, **scheduling: object) -> list[float]:
    """Return the CPU us of each decision, after every class has been decided on once."""
    chance, asked = random.Random(3), fleet.requests(5)
    table, servers = fleet.in_use(size)
    pipeline = pipeline_of(plain, **scheduling)
    for number in range(fleet.CLASSES):
        pipeline.place(table, fleet.spec(number), 1)
    times = []
    for number in range((rounds + 1) * _DECISIONS):
        table.release(*servers.pop(chance.randrange(len(servers))))
        spec = next(asked)
        began = time.thread_time_ns()
        (decision,) = pipeline.place(table, spec, 1)
        if number >= _DECISIONS:  # the first round warms up
            times.append((time.thread_time_ns() - began) / 1000)
        check(decision.host is not None, f"no host of {size} was found")
        servers.append((table.index[decision.host], spec.resources()))
    _check_sound(pipeline)
    return times


def _cold(size: int, rounds: int) -> float:
    """Return what a plain filter adds to the first decision of a class, in CPU us a host."""
    table, _ = fleet.in_use(size)
    times = {}
    for plain in (None, PlainFilter()):
        pipelines = [pipeline_of(plain, weight_normalization="fixed") for _ in range(rounds)]
        spent = []
        for pipeline in pipelines:
            began = time.thread_time_ns()
            pipeline.place(table, fleet.spec(1), 1)
            spent.append((time.thread_time_ns() - began) / 1000)
        times[plain is None] = median(spent)
    return (times[False] - times[True]) / size


def _bytes_per_host(size: int) -> float:
    rows = fleet.rows(size)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    table, pipeline = HostTable.of(rows), pipeline_of(weight_normalization="fixed")
    for number in range(fleet.CLASSES):
        pipeline.place(table, fleet.spec(number), 1)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / size


def _check_sound(pipeline: Pipeline) -> None:
    faulty = [part.name for part in (*pipeline.stages, *pipeline.filters, *pipeline.weighers) if part.faults]
    check(not faulty, f"plug-ins failed: {', '.join(faulty)}")


# With the claims, in a database.


def _claims(size: int, count: int) -> list[Figure]:
    """Decide and claim one by one through the scheduler's verb on SQLite, threads as our processes have them."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with _database(size, servers=10 * size) as db:
        began = time.perf_counter()
        scheduler = _scheduler(db)
        scheduler.select_destinations({}, [])
        start_s = time.perf_counter() - began
        asked = fleet.requests(7)
        single = _select(db, scheduler, [next(asked) for _ in range(count)])
        grouped = _select(db, scheduler, _grouped(db, count // 2))
        scheduler.stop()
    return [
        Figure("start_s", start_s, "s", f"start: {size} hosts, {10 * size} servers in the database", Goal(5)),
        Figure("claims_per_s", len(single) / sum(single) * 1000, "/s", "decided and claimed", Goal(1000, False)),
        Figure("claims_p99_ms", percentile(single, 99), "ms", "the same, p99", Goal(10)),
        Figure(
            "group_claims_per_s", len(grouped) / sum(grouped) * 1000, "/s", "in anti-affinity groups", Goal(500, False)
        ),
    ]


def _scheduler(db: Database) -> SchedulerManager:
    conf = fleet.conf()
    return SchedulerManager(conf, db, Events(Hooks([]), Notifier(conf, "benchmark")), build_pipeline(conf))


def _select(db: Database, scheduler: SchedulerManager, specs: Sequence[RequestSpec]) -> list[float]:
    """Return the ms of each decision with its claim."""
    waiting = [str(uuid.uuid4()) for _ in specs]
    _insert(db, [(one, spec, None) for one, spec in zip(waiting, specs, strict=True)])
    times = []
    for one, spec in zip(waiting, specs, strict=True):
        request = SelectRequest(spec=spec, instances=((one, 0),))
        began = time.perf_counter()
        (selection,) = scheduler.select_destinations({}, [request])
        times.append((time.perf_counter() - began) * 1000)
        check(selection.host is not None, f"not placed: {selection.reason}")
    return times


def _grouped(db: Database, count: int) -> list[RequestSpec]:
    made = [str(uuid.uuid4()) for _ in range(-(-count // _GROUP_SIZE))]

    def create(connection: sa.Connection) -> None:
        for one in made:
            groups.create(
                connection, uuid=one, project_id="p", user_id="u", name="g", policy="anti-affinity", rules={}, limit=-1
            )

    db.write("bench.groups", create)
    asked = itertools.chain.from_iterable(itertools.repeat(one, _GROUP_SIZE) for one in made)
    bare = fleet.spec(0)
    return [_in_group(bare, one) for one in itertools.islice(asked, count)]


def _in_group(spec: RequestSpec, group: str) -> RequestSpec:
    return msgspec.structs.replace(spec, instance_group_uuid=group)


@contextmanager
def _database(size: int, *, servers: int) -> Iterator[Database]:
    """A database with so many hosts, and servers that run on them."""
    names = [fleet.name(number) for number in range(size)]
    reports = [
        HostReport(host=name, hypervisor_type="fake", hypervisor_version=1, inventories=fleet.INVENTORIES)
        for name in names
    ]
    who = {"binary": services.COMPUTE, "address": "bench", "incarnation": "1", "version": corenova.__version__}
    with tempfile.TemporaryDirectory(prefix="corenova-bench-") as folder:
        db = Database(f"sqlite:///{Path(folder)}/bench.sqlite")
        migrate.upgrade(db)
        for start in range(0, size, 500):
            chunk = slice(start, start + 500)
            db.write("bench.register", lambda c, chunk=chunk: services.register(c, hosts=names[chunk], **who))
            db.write("bench.report", lambda c, chunk=chunk: hosts.report(c, reports[chunk]))
        db.write("bench.alive", lambda c: c.execute(sa.update(schema.services).values(last_seen_at=4e9)))
        spec = fleet.spec(0)
        _insert(db, [(str(uuid.uuid4()), spec, names[number % size]) for number in range(servers)])
        yield db
        db.close()


def _insert(db: Database, wanted: Sequence[tuple[str, RequestSpec, str | None]]) -> None:
    """Insert instances: on a host, or (None) waiting to be scheduled."""
    row = dict.fromkeys(("project_id", "user_id", "reservation_id", "display_name", "hostname"), "b")
    row |= {"flavor": "{}", "vcpus": 1, "memory_mb": 1, "deadline_s": 3600.0, "hint_grace_s": 0.0}

    def insert(connection: sa.Connection) -> None:
        instances.insert(
            connection,
            [{**row, "uuid": one, "host": host, "group_uuid": spec.instance_group_uuid} for one, spec, host in wanted],
        )
        running = sa.update(schema.instances).where(schema.instances.c.host.is_not(None))
        connection.execute(running.values(vm_state=ACTIVE, task_state=None, step=None))

    db.write("bench.insert", insert)


def main(arguments: Sequence[str] | None = None, show: Callable[[str], None] = print) -> int:
    """Run this benchmark alone: a table, and with ``--json`` the figures by key."""
    parser = argparse.ArgumentParser(prog="benchmarks/scheduler.py", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="small fleets: tells whether it works, not how fast")
    asked = parser.parse_args(arguments)
    figures = run(asked.quick)
    for figure in figures:
        # The goals are for real sizes.
        show((dataclasses.replace(figure, goal=None) if asked.quick else figure).line())
    if asked.json:
        measured = {figure.key: round(figure.value, 4) for figure in figures}
        about = {"quick": asked.quick, "machine": machine.describe()}
        asked.json.write_text(json.dumps({**measured, **about}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
