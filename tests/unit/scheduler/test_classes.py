"""What is kept per class of requests is what a scheduler without memory would find out anew."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corenova.objects.decision import StageResult
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import Flavor, ImageMeta, InstanceGroup, RequestSpec
from corenova.scheduler.traced import ClassKeys, TracedSpec

SETTINGS = settings(max_examples=60, deadline=None)
AGGREGATES = [{"availability_zone": "east"}, {"cpu_weight_multiplier": "-2"}, {"few": "yes"}, {}]


def plugins(build):
    """Plug-ins of every kind, on few values so that ties and refusals are many."""
    filters = [
        build.plugin("Scalar", host_passes=lambda state, spec: state.num_instances < 3),
        build.plugin("Vector", mask=lambda hosts, spec: hosts.num_io_ops < 4),
        build.plugin("Facts", host_passes=lambda state, spec: state.failed_builds < 3),
        build.plugin(
            "Picky",
            host_passes=lambda state, spec: not spec.flavor.extra_specs.get("odd") or state.free_ram_mb % 2048 > 0,
            run_filter_once_per_request=True,
        ),
        build.plugin(
            "Spread",
            host_passes=lambda state, spec: spec.instance_group.allows(state.host),
            applies=lambda spec: spec.instance_group is not None,
        ),
    ]
    weighers = [
        build.plugin("Ram", weigh=lambda state, spec: state.free_ram_mb, scale=lambda hosts: (0, 8192), minval=0.0),
        build.plugin(
            "Cpu", weights=lambda hosts, spec: hosts.vcpus_free * 1.0, scale=lambda hosts: (0, 8),
            multiplier_option="cpu_weight_multiplier",
        ),
        build.plugin("Bad", weigh=lambda state, spec: -state.failed_builds, scale=lambda hosts: (-4, 0)),
        build.plugin(
            "Members",
            weigh=lambda state, spec: spec.instance_group.hosts.get(state.host, 0),
            applies=lambda spec: spec.instance_group is not None and spec.instance_group.policy == "soft-affinity",
        ),
    ]  # fmt: skip
    return filters, weighers


HOSTS = st.lists(
    st.fixed_dictionaries(
        {
            "disabled": st.booleans(),
            "failed_builds": st.integers(0, 3),
            "num_io_ops": st.integers(0, 3),
            "aggregates": st.lists(st.sampled_from(AGGREGATES), max_size=2),
        }
    ),
    min_size=1,
    max_size=8,
)
GROUPS = st.none() | st.builds(
    InstanceGroup,
    uuid=st.just("g"),
    name=st.just("g"),
    policy=st.sampled_from(["affinity", "anti-affinity", "soft-affinity"]),
    hosts=st.dictionaries(st.sampled_from(["h0", "h1"]), st.integers(1, 2), max_size=2),
)
SPECS = st.fixed_dictionaries(
    {
        "vcpus": st.integers(1, 3),
        "ram_mb": st.sampled_from([1024, 3072]),
        "extra_specs": st.sampled_from([{}, {"odd": "yes"}]),
        "availability_zone": st.sampled_from([None, None, None, "east"]),
        "force_hosts": st.sampled_from([(), (), (), ("h0",)]),
        "instance_group": GROUPS,
    }
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), SPECS, st.integers(1, 3)),
        st.tuples(st.just("release"), st.integers(0, 99)),
        st.tuples(st.just("change"), st.integers(0, 7), HOSTS.map(lambda drawn: drawn[0])),
    ),
    max_size=30,
)


@pytest.mark.parametrize("options", [{}, {"fixed": True}], ids=["min-max", "fixed"])
@SETTINGS
@given(drawn=HOSTS, events=EVENTS)
def test_a_pipeline_that_remembers_decides_as_one_that_does_not(build, options, drawn, events):
    rows = [build.host(f"h{number}", **facts) for number, facts in enumerate(drawn)]
    table = build.table(*rows)
    filters, weighers = plugins(build)
    remembers = build.pipeline(filters, weighers, **options)
    placed = []
    for kind, *details in events:
        if kind == "place":
            wish, count = build.spec(**details[0]), details[1]
            twin = copy(build, rows, table)
            decisions = remembers.place(table, wish, count)
            fresh = build.pipeline(filters, weighers, **options).place(twin, wish, count)
            assert list(map(bare, decisions)) == list(map(bare, fresh))
            placed += [(table.index[d.host], wish.resources()) for d in decisions if d.host]
        elif kind == "release" and placed:
            table.release(*placed.pop(details[0] % len(placed)))
        elif kind == "change":
            number = details[0] % len(rows)
            rows[number] = build.host(f"h{number}", **details[1])
            table.apply([now(rows[number], table)])


def bare(decision):
    return msgspec.structs.replace(decision, revision=0)


def now(row, table):
    """The row as a database would tell it, with what is used in the table."""
    index = table.index[row.host]
    return msgspec.structs.replace(
        row, inventories=table.inventories(index), num_instances=int(table.num_instances[index])
    )


def copy(build, rows, table):
    """A table like this one that nobody has computed anything from."""
    rows = [msgspec.structs.replace(now(row, table), num_io_ops=int(table.num_io_ops[i])) for i, row in enumerate(rows)]
    return build.table(*rows)


def test_more_candidates_than_the_front_holds_are_found_in_order(build):
    hosts = build.table(500)
    raw = {f"h{n}": (n * 37) % 500 for n in range(500)}
    only = build.by_name(raw)
    pipeline = build.pipeline(
        weighers=[only], filters=[build.plugin("Few", host_passes=lambda s, _: s.num_instances < 1)]
    )
    order = [pipeline.place(hosts, build.spec(), 1)[0].host for _ in range(500)]
    assert order == sorted(raw, key=lambda name: -raw[name])


def test_who_looks_at_the_single_request_is_asked_the_best_first_and_about_few(build):
    asked = []
    lazy = build.plugin(
        "Lazy", applies=lambda spec: True, host_passes=lambda state, _: asked.append(state.host) or state.host != "h9"
    )
    pipeline = build.pipeline([lazy], [build.by_name({f"h{n}": n for n in range(10)})], alternates=1)
    (decision,) = pipeline.place(build.table(10), build.spec(), 1)
    assert (decision.host, asked) == ("h8", ["h9", "h8", "h7"])
    assert decision.stages[-1] == StageResult("Lazy", 3, 2, lazily=True)


def test_who_refuses_many_hosts_is_asked_about_all_at_once(build):
    lazy = build.plugin(
        "Lazy",
        applies=lambda spec: True,
        host_passes=lambda state, _: state.host == "h5",
        mask=lambda hosts, _: np.array([name == "h5" for name in hosts.names]),
    )
    (decision,) = build.pipeline([lazy]).place(build.table(200), build.spec(), 1)
    assert decision.host == "h5"
    assert decision.stages[-1] == StageResult("Lazy", 200, 1, lazily=True)


def test_a_filter_that_does_not_apply_is_not_asked(build):
    never = build.plugin("Never", applies=lambda spec: False, host_passes=lambda *_: False)
    (decision,) = build.pipeline([never]).place(build.table(1), build.spec(), 1)
    assert decision.host == "h0"
    assert "Never" not in {stage.name for stage in decision.stages}


def test_an_answer_that_changes_by_itself_is_heard_when_the_filter_has_applies(build):
    """As the contract says of SelectiveFilter: nothing that the scheduler watches tells it that an hour has struck."""
    closed = {"h0"}
    members = {
        "host_passes": lambda state, _: state.host not in closed,
        "reason": lambda *_: f"closed: {sorted(closed)}",
    }
    selective = build.pipeline([build.plugin("Clock", applies=lambda _: True, **members)])
    plain = build.pipeline([build.plugin("Clock", **members)])
    hosts = {pipeline: build.table(2) for pipeline in (selective, plain)}

    def where(pipeline):
        return pipeline.place(hosts[pipeline], build.spec(), 1)[0]

    assert [where(one).host for one in (selective, plain)] == ["h1", "h1"]
    closed.clear()
    assert [where(one).host for one in (selective, plain)] == ["h0", "h1"]  # the second still keeps its no of h0
    closed.update({"h0", "h1"})
    assert "h1" in where(selective).refusals[0].reason
    closed.add("h2")
    assert "h2" in where(selective).refusals[0].reason, "why nothing fits is looked into again as well"


def test_what_a_claim_cannot_change_is_not_asked_again(build):
    asked = {"facts": 0, "usage": 0}

    def facts(state, _):
        asked["facts"] += 1
        return state.failed_builds == 0

    def usage(state, _):
        asked["usage"] += 1
        return state.num_instances < 9

    pipeline = build.pipeline([build.plugin("Facts", host_passes=facts), build.plugin("Usage", host_passes=usage)])
    hosts = build.table(10)
    for _ in range(5):
        pipeline.place(hosts, build.spec(), 1)
    assert asked == {"facts": 10, "usage": 10 + 4}


def test_requests_that_differ_in_nothing_that_is_read_are_one_class(build):
    asked = []
    one = build.plugin("One", host_passes=lambda state, spec: asked.append(spec.flavor.vcpus) or True)
    pipeline, hosts = build.pipeline([one]), build.table(10)
    for project in "abc":
        pipeline.place(hosts, build.spec(project_id=project), 1)
    assert len(asked) == 10
    pipeline.place(hosts, build.spec(vcpus=2), 1)
    assert len(asked) == 20


def test_a_field_that_is_read_late_tells_classes_apart_from_then_on(build):
    by_project = build.plugin("P", host_passes=lambda s, spec: s.num_instances < 1 or spec.project_id == "rich")
    pipeline, hosts = build.pipeline([by_project]), build.table(1)
    assert [pipeline.place(hosts, build.spec(project_id=p), 1)[0].host for p in ("poor", "poor", "rich", "poor")] == [
        "h0", None, "h0", None,
    ]  # fmt: skip


def test_a_resource_class_that_appears_later_is_found(build):
    pipeline, hosts = build.pipeline(), build.table(2)
    wish = build.spec(extra_specs={"resources:CUSTOM_X": "1"})
    assert pipeline.place(hosts, wish, 1)[0].host is None
    hosts.apply([build.host("h1", inventories={"CUSTOM_X": Inventory(total=1)})])
    assert [pipeline.place(hosts, wish, 1)[0].host for _ in range(2)] == ["h1", None]


def test_a_filter_that_has_failed_is_asked_again_by_the_next_request(build):
    answers = itertools.chain([False], itertools.repeat(True))
    flaky = build.plugin("Flaky", host_passes=lambda *_: next(answers) or 1 / 0)
    pipeline, hosts = build.pipeline([flaky]), build.table(1)
    assert [pipeline.place(hosts, build.spec(), 1)[0].host for _ in range(2)] == [None, "h0"]


# The stand-in for the request.


def spec(**fields):
    flavor = Flavor(flavorid="1", name="f", vcpus=1, memory_mb=2, root_gb=3, extra_specs={"resources:CUSTOM_X": "4"})
    return RequestSpec(project_id="p", user_id="u", flavor=flavor, **fields)


def test_reading_is_noted_by_field_and_methods_are_followed():
    reads = set()
    traced = TracedSpec(spec(image=ImageMeta(id="i", name="i")), reads)
    assert (traced.flavor.vcpus, traced.image.properties) == (1, {})
    assert reads == {"flavor.vcpus", "image.properties"}
    assert traced.resources() == {"VCPU": 1, "MEMORY_MB": 2, "DISK_GB": 3, "CUSTOM_X": 4}
    assert {"flavor.memory_mb", "flavor.extra_specs"} <= reads
    assert "project_id" not in reads
    with pytest.raises(AttributeError):
        traced.project_id = "x"
    with pytest.raises(AttributeError):
        traced.no_such_field  # noqa: B018


def test_keys_are_equal_when_what_is_read_is_equal():
    keys = ClassKeys()
    assert keys.of(spec()) == keys.of(spec(availability_zone="east"))
    assert keys.learn({"availability_zone", "image.properties"})
    assert not keys.learn({"availability_zone"})
    assert keys.of(spec()) != keys.of(spec(availability_zone="east"))
    with_image, other = (ImageMeta(id=i, name=i, properties=p) for i, p in (("a", {}), ("b", {"x": "y"})))
    assert keys.of(spec(image=with_image)) != keys.of(spec()) != keys.of(spec(image=other))
    assert keys.of(spec(image=with_image)) == keys.of(spec(image=ImageMeta(id="c", name="c")))


def test_a_field_that_is_first_read_when_hosts_come_back_is_that_of_the_request_at_hand(build):
    """All hosts were down when the class was made, so the filter behind had read nothing yet."""
    up = build.plugin("Up", mask=lambda hosts, _: hosts.is_up.copy())
    tenant = build.plugin("Tenant2", host_passes=lambda s, spec: s.host != "h0" or spec.project_id == "a")
    pipeline, hosts = build.pipeline([up, tenant]), build.table(build.host("h0", is_up=False))
    assert pipeline.place(hosts, build.spec(project_id="a"), 1)[0].host is None
    hosts.set_service(0, is_up=True, disabled=False)
    assert pipeline.place(hosts, build.spec(project_id="b"), 1)[0].host is None
    assert pipeline.place(hosts, build.spec(project_id="a"), 1)[0].host == "h0"


def test_a_hint_of_any_size_makes_a_key():
    keys = ClassKeys()
    keys.learn({"scheduler_hints"})
    assert keys.of(spec(scheduler_hints={"own": 2**70})) != keys.of(spec(scheduler_hints={"own": 2**71}))
