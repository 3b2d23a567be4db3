"""The simulator on workloads small enough to work out by hand."""

import gzip

import numpy as np
import pytest

from corenova.exceptions import InvalidInput
from corenova.scheduler import simulation, timeline, trace
from corenova.scheduler.simulation import HostSize
from corenova.scheduler.trace import Size, Workload

HOST = HostSize(vcpus=16, ram_mb=32768, disk_gb=0)
SMALL, LARGE = Size("small", 4, 8192), Size("large", 16, 16384)
LIVES = "time_s,batch,flavor,vcpus,mem_gb,life_lo_s,life_hi_s,censored"
NEVER = np.inf


def workload(*requests):
    """Return a workload of (arrival, departure, size)."""
    arrival, departure, size = zip(*requests, strict=True)
    sizes = tuple(dict.fromkeys(size))
    return Workload(
        np.array(arrival, float), np.array(departure, float), np.array([sizes.index(s) for s in size]), sizes
    )


def fullest(build):
    """Return a pipeline that fills the host with the least free RAM first."""
    return build.pipeline(weighers=[build.plugin("Least", weigh=lambda state, _: -float(state.free_ram_mb))])


def play(build, load, hosts, **options):
    table = simulation.fleet(hosts, HOST)
    return simulation.run(fullest(build), table, load, **options), table


THREE = workload((0, 40, SMALL), (10, NEVER, SMALL), (20, NEVER, LARGE), (100, NEVER, SMALL))
"""Two small ones share a host, the large one needs another; after 40 s one small is gone, at 100 s one comes."""


def test_requests_arrive_and_depart(build):
    outcome, table = play(build, THREE, 3)
    assert outcome.row.tolist() == [0, 0, 1, 0]
    assert table.free("VCPU").tolist() == [8, 0, 16]
    assert table.free_ram_mb.tolist() == [16384, 16384, 32768]
    assert table.num_io_ops.tolist() == [0, 0, 0]
    assert (outcome.hosts, outcome.reason) == (3, "")


def test_a_departure_makes_room_for_an_arrival_of_the_same_moment(build):
    outcome, _ = play(build, workload((0, 50, LARGE), (50, NEVER, LARGE)), 1)
    assert outcome.row.tolist() == [0, 0]


def test_what_is_rejected_has_a_reason_and_takes_nothing(build):
    load = workload((0, 60, LARGE), (10, 70, LARGE), (80, NEVER, LARGE))
    outcome, table = play(build, load, 1)
    assert outcome.row.tolist() == [0, simulation.REJECTED, 0]
    assert (
        outcome.reason
        == "No valid host was found. Of 1 host, Capacity refused 1. VCPU: 16 asked, at most 0 free on any one host."
    )
    assert table.free("VCPU").tolist() == [0]


def test_all_or_none_stops_at_the_first_rejection(build):
    load = workload((0, NEVER, LARGE), (10, NEVER, LARGE), (20, NEVER, SMALL))
    outcome, _ = play(build, load, 1, all_or_none=True)
    assert outcome.row.tolist() == [0, simulation.REJECTED, simulation.REJECTED]


def test_progress_adds_up_to_all_events(build):
    done = []
    play(build, THREE, 3, progress=done.append)
    assert sum(done) == len(THREE.events()[0]) == 5


def test_course(build):
    outcome, _ = play(build, THREE, 3)
    course = timeline.timeline(THREE, outcome.row, hosts=3, vcpus=16, ram_mb=32768)
    assert course.time_s.tolist() == [0, 10, 20, 40, 100]
    assert course.vcpus.tolist() == [4, 8, 24, 20, 24]
    assert course.ram_mb.tolist() == [8192, 16384, 32768, 24576, 32768]
    assert course.busy_hosts.tolist() == [1, 1, 2, 2, 2]
    # The first host has 16 - 8 = 8 vCPUs and 16 GiB left at the least: that takes 8 vCPUs and 14 GiB.
    assert course.stranded_vcpus.tolist() == [0, 0, 0, 0, 0]


def test_stranded_is_what_cannot_take_8_vcpus_and_14_gib(build):
    load = workload(*((when, NEVER, SMALL) for when in (0, 10, 20)), (30, NEVER, Size("wide", 1, 1024)))
    outcome, _ = play(build, load, 2)
    course = timeline.timeline(load, outcome.row, hosts=2, vcpus=16, ram_mb=32768)
    assert course.stranded_vcpus.tolist() == [0, 0, 4, 3]  # the third leaves 4 vCPUs and 8 GiB
    assert timeline.shares(course, hosts=2, vcpus=16)["stranded_cpu_share"].tolist() == [0, 0, 4 / 20, 3 / 19]


def test_hosts_too_small_for_that_are_stranded_when_empty():
    load = workload((0, NEVER, Size("tiny", 1, 1024)))
    course = timeline.timeline(load, np.array([0]), hosts=3, vcpus=4, ram_mb=8192)
    assert course.stranded_vcpus.tolist() == [11]


def test_averages_leave_out_the_first_30_percent(build):
    """Of 100 s those from 30 to 100 count: 10 s with 24 vCPUs on two of three hosts, then 60 s with 20."""
    outcome, _ = play(build, THREE, 3)
    course = timeline.timeline(THREE, outcome.row, hosts=3, vcpus=16, ram_mb=32768)
    shares = timeline.shares(course, hosts=3, vcpus=16)
    averages = {key: timeline.average(course, values, 0, 100) for key, values in shares.items()}
    assert averages["density_non_empty"] == pytest.approx((10 * 24 / 32 + 60 * 20 / 32) / 70)
    assert averages["empty_hosts_share"] == pytest.approx(1 / 3)
    assert averages["stranded_cpu_share"] == 0


def test_the_lower_bound_is_of_the_scarcer_resource():
    assert timeline.peak(THREE) == timeline.Peak(instances=3, vcpus=24, ram_mb=32768)
    assert simulation.lower_bound(THREE, HOST) == 2  # 24 / 16 vCPUs
    assert simulation.lower_bound(THREE, HostSize(vcpus=64, ram_mb=8192, disk_gb=0)) == 4


def test_find_hosts_finds_the_smallest_fleet(build):
    # Three at once of 9 GiB each: three hosts of 16 GiB, while their sum would fit two.
    size, load = HostSize(16, 16384, 0), workload(*((when, NEVER, Size("odd", 1, 9216)) for when in (0, 1, 2)))
    tried = []

    def attempt(hosts):
        tried.append(hosts)
        return simulation.run(fullest(build), simulation.fleet(hosts, size), load, all_or_none=True)

    assert simulation.lower_bound(load, size) == 2
    assert simulation.find_hosts(attempt, load, size).hosts == 3
    assert len(tried) == len(set(tried))


@pytest.mark.parametrize("needed", [10, 11, 12, 13, 14, 17, 25, 40])
def test_find_hosts_by_bisection(needed):
    load = workload(*((0, NEVER, SMALL) for _ in range(40)))  # 10 hosts at least, 40 surely

    def attempt(hosts):
        return simulation.Outcome(hosts, np.zeros(40), 1, 1, "" if hosts >= needed else "too few")

    assert simulation.find_hosts(attempt, load, HOST).hosts == needed


def test_find_hosts_gives_up_where_no_number_will_do(build):
    load = workload((0, NEVER, Size("giant", 17, 1024)))
    with pytest.raises(InvalidInput, match=r"No number of such hosts takes all requests\. No valid host was found"):
        simulation.find_hosts(lambda hosts: play(build, load, hosts, all_or_none=True)[0], load, HOST)


def test_pick_chooses_what_place_would(build):
    """Weighed min-max, with a choice among equals, and with a filter that looks at the single request."""
    random = np.random.default_rng(1)
    asked = [build.spec(vcpus=int(v), ram_mb=int(r)) for v, r in random.integers(1, 5, (200, 2)) * (1, 700)]
    free = [
        build.plugin("Ram", weigh=lambda s, _: float(s.free_ram_mb)),
        build.plugin("N", weigh=lambda s, _: -s.num_instances * 1.0),
    ]
    odd = build.plugin(
        "Odd", host_passes=lambda s, spec: s.host[-1] in "13579", applies=lambda spec: spec.flavor.vcpus == 2
    )
    for weighers, filters, options in (
        (free[:1], [], {}),
        (free, [odd], {}),
        (free[:1], [odd], {"subset": 3}),
        ([], [], {"shuffle": True}),
    ):
        one, two = (build.pipeline(filters, weighers, seed=1, **options) for _ in range(2))
        hosts, others = simulation.fleet(30, HOST), simulation.fleet(30, HOST)
        for spec in asked:
            row, name = one.pick(hosts, spec), two.place(others, spec, 1)[0].host
            assert (None if row is None else hosts.names[row]) == name


# Traces.


def written(tmp_path, *lines, name="trace.csv"):
    path = tmp_path / name
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["trace.csv", "trace.csv.gz"])
def test_a_trace_is_read(tmp_path, name):
    path = written(
        tmp_path, LIVES, "600,0,a,1,1.75,0,0,0", "300,1,b,2,3.5,600,900,1", "600,1,a,1,1.75,0,0,0", name=name
    )
    found = trace.read(path)
    assert found.sizes == (Size("a", 1, 1792), Size("b", 2, 3584))
    assert found.size.tolist() == [0, 1, 0]
    assert found.time_s.tolist() == [600, 300, 600]
    assert (found.life_lo_s.tolist(), found.life_hi_s.tolist()) == ([0, 600, 0], [0, 900, 0])
    assert found.censored.tolist() == [0, 1, 0]


def test_times_are_drawn_within_their_bins(tmp_path):
    lines = [LIVES, "600,0,a,1,1,0,0,0", "300,1,b,2,2,3600,7200,0", "900,2,b,2,2,0,0,1"] + ["900,3,a,1,1,0,0,0"] * 50
    load = trace.read(written(tmp_path, *lines)).draw(11)
    random = np.random.default_rng(11)
    first, second = random.random(53), random.random(53)
    arrival = np.array([600, 300, 900] + [900] * 50) + 300 * first
    life = np.maximum(60, np.array([0, 3600, 0] + [0] * 50) + second * np.array([300, 3900, 300] + [300] * 50))
    departure = np.where(np.arange(53) == 2, np.inf, arrival + life)
    order = np.argsort(arrival)
    assert load.arrival_s.tolist() == arrival[order].tolist()
    assert load.departure_s.tolist() == departure[order].tolist()
    assert load.vcpus[:2].tolist() == [2, 1]
    assert load.ram_mb[:2].tolist() == [2048, 1024]


def test_a_seed_is_a_workload(tmp_path):
    found = trace.read(written(tmp_path, LIVES, *["600,0,a,1,1,0,0,0"] * 5))
    assert found.draw(1).arrival_s.tolist() == found.draw(1).arrival_s.tolist() != found.draw(2).arrival_s.tolist()


def test_without_lifetimes_nothing_is_deleted(tmp_path):
    load = trace.read(written(tmp_path, "time_s,batch,flavor,vcpus,mem_gb,servers", "0,0,a,1,1,3", "0,0,b,2,1,1")).draw(
        11
    )
    assert np.isinf(load.departure_s).all()
    assert sorted(load.vcpus.tolist()) == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([LIVES, "0,0,a,1,1,0,0,0", "0,0,a,x,1,0,0,0"], "line 3, column vcpus: 'x' is not a whole number, 1 or more"),
        ([LIVES, "0,0,a,0,1,0,0,0"], "line 2, column vcpus: '0' is not a whole number"),
        ([LIVES, "0,0,a,1,nan,0,0,0"], "line 2, column mem_gb: 'nan' is not a number above 0"),
        ([LIVES, "0,0,a,1,inf,0,0,0"], "column mem_gb"),
        ([LIVES, "-1,0,a,1,1,0,0,0"], "line 2, column time_s: '-1' is not a number of seconds, 0 or more"),
        ([LIVES, "0,,a,1,1,0,0,0"], "line 2, column batch: ''"),
        ([LIVES, "0,0,a,1,1,0,0,2"], "line 2, column censored: '2' is not 0 or 1"),
        ([LIVES, "0,0,a,1,1,0,0,0", "0,0,a,1,1,300,0,0"], "line 3, column life_hi_s: it is below life_lo_s"),
        ([LIVES, "0,0,a,1,1,0,0"], "line 2: 7 fields, the header has 8 columns"),
        ([LIVES + ",colour", "0,0,a,1,1,0,0,0,red"], "line 1: column 'colour' is not one of a trace"),
        (["time_s,batch,flavor,mem_gb", "0,0,a,1"], "line 1: column 'vcpus' is missing"),
        (["time_s,batch,flavor,vcpus,mem_gb,censored", "0,0,a,1,1,0"], "line 1: column 'life_lo_s' is missing"),
        (["time_s,batch,flavor,vcpus,mem_gb,vcpus", "0,0,a,1,1,1"], "line 1: column 'vcpus' is there twice"),
        ([LIVES], "has no requests"),
        ([], "line 1: column 'time_s' is missing"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path, lines, complaint):
    with pytest.raises(InvalidInput) as error:
        trace.read(written(tmp_path, *lines))
    assert complaint in str(error.value)
    assert "trace.csv" in str(error.value)


@pytest.mark.parametrize(
    "data",
    [b"time_s", gzip.compress(b"time_s,batch\n" * 1000, mtime=0)[:-20], b"\x1f\x8b\x08broken"],
    ids=["no archive", "cut off", "broken"],  # both workers must collect the same tests
)
def test_a_broken_archive_is_refused(tmp_path, data):
    (tmp_path / "t.csv.gz").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"t\.csv\.gz"):
        trace.read(tmp_path / "t.csv.gz")


def test_a_file_that_is_none_of_text_or_not_there(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="is no trace"):
        trace.read(tmp_path / "t.csv")
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        trace.read(tmp_path / "none.csv")
