"""The decision alone: the scheduler's pipeline with the default plug-ins, by CPU time of its thread."""

import tempfile
import time
from collections import Counter
from pathlib import Path

from oslo_config import cfg

import corenova
from benchmarks.figures import Figure, check, median, percentile
from corenova import conf as options
from corenova.db import hosts, migrate, services
from corenova.db.engine import Database
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU, Flavor, ImageMeta, RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.manager import build_pipeline
from corenova.scheduler.mirror import Mirror

SIZES = (20, 1000)
SPEC = RequestSpec(
    project_id="p" * 32,
    user_id="u" * 32,
    flavor=Flavor(flavorid="1", name="m1.nano", vcpus=1, memory_mb=64, root_gb=1),
    image=ImageMeta(id="11111111-1111-4111-8111-111111111111", name="cirros"),
)


def run(quick: bool) -> list[Figure]:
    """Place one server after the other on hosts that are all alike at first, each a decision of its own."""
    decisions = 100 if quick else 2000
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    figures = [Figure("decisions", decisions, "", "decisions measured, each size")]
    medians = []
    for size in SIZES:
        times = _decide(conf, size, decisions)
        medians.append(median(times))
        figures += [
            Figure(f"decision_{size}_us", medians[-1], "CPU us", f"one decision among {size} hosts (median)"),
            Figure(f"decision_{size}_p99_us", percentile(times, 99), "CPU us", "the same, p99"),
        ]
    small, large = SIZES[0], SIZES[-1]
    text = f"{large} hosts to {small}: {large // small} times the hosts"
    return [*figures, Figure("growth", medians[-1] / medians[0], "x", text)]


def _decide(conf: cfg.ConfigOpts, size: int, decisions: int) -> list[float]:
    table, pipeline = _table(size), build_pipeline(conf)
    pipeline.place(table, SPEC, 1)
    times, placed = [], Counter()
    for _ in range(decisions):
        began = time.thread_time_ns()
        decided = pipeline.place(table, SPEC, 1)
        times.append((time.thread_time_ns() - began) / 1000)
        placed[decided[0].host] += 1
    check(None not in placed, f"{placed[None]} of {decisions} decisions found no host among {size}")
    # Nova's default spreads over hosts that are alike.
    check(len(placed) >= min(size, decisions) - 1, f"{decisions} servers went to {len(placed)} of {size} hosts only")
    faulty = [part.name for part in (*pipeline.stages, *pipeline.filters, *pipeline.weighers) if part.faults]
    check(not faulty, f"plug-ins failed: {', '.join(faulty)}")
    return times


def _table(size: int) -> HostTable:
    """Hosts as the scheduler reads them from a database."""
    names = [f"host-{n:05d}" for n in range(size)]
    inventories = {
        VCPU: Inventory(total=64, allocation_ratio=4.0),
        MEMORY_MB: Inventory(total=262144),
        DISK_GB: Inventory(total=4096),
    }
    reports = [
        HostReport(
            host=name,
            hypervisor_type="fake",
            hypervisor_version=1,
            inventories=inventories,
            supported_instances=(("x86_64", "fake", "hvm"),),
        )
        for name in names
    ]
    table = HostTable(default_zone="nova")
    with tempfile.TemporaryDirectory(prefix="corenova-bench-") as folder:
        db = Database(f"sqlite:///{Path(folder)}/bench.sqlite")
        migrate.upgrade(db)
        who = {"binary": services.COMPUTE, "address": "bench", "incarnation": "1", "version": corenova.__version__}
        db.write("bench.register", lambda connection: services.register(connection, hosts=names, **who))
        db.write("bench.report", lambda connection: hosts.report(connection, reports))
        Mirror(db, table, down_time_s=3600.0).refresh()
        db.close()
    check(len(table) == size, f"the scheduler sees {len(table)} of {size} hosts")
    return table
