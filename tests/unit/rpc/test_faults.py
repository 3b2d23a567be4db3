"""The fault plan of local://: each fault does what it says, and a seed repeats itself."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corenova.crash import SimulatedCrash
from corenova.exceptions import Unavailable
from corenova.rpc.faults import DELIVER, DROP, DUPLICATE, Fate, Passing, SeededFaults
from corenova.rpc.local import inject

RATES = {"drop": 0.2, "duplicate": 0.2, "delay": 0.2, "reorder": 0.1, "crash_before": 0.1, "crash_after": 0.1}
MESSAGES = [Passing("cast", "build", "compute", "h1"), Passing("call", "select", "scheduler", None)]


def plan(*fates: Fate, kind: str = "cast"):
    """Give the messages of ``kind`` these fates in turn, and deliver whatever comes later or is of another kind."""
    left = list(fates)
    return lambda passing: left.pop(0) if passing.kind == kind and left else DELIVER


@pytest.mark.parametrize(
    ("fates", "heard"),
    [
        ([DROP], ["b", "c"]),
        ([DUPLICATE], ["a", "a", "b", "c"]),
        ([DELIVER, Fate(copies=3)], ["a", "b", "b", "b", "c"]),
        ([Fate(reorder=True)], ["b", "a", "c"]),
        ([Fate(delay_s=0.1)], ["b", "c", "a"]),
    ],
)
def test_each_fault_does_what_it_says(cloud, fates, heard):
    with inject(cloud.vhost, plan(*fates)):
        assert all(cloud.caller.cast("hear", word=word) for word in "abc")
        assert cloud.hears(*heard)
    assert cloud.heard == heard


def test_reordering_never_loses_the_last_message(cloud):
    with inject(cloud.vhost, plan(Fate(reorder=True))):
        cloud.caller.cast("hear", word="alone")
        assert cloud.heard == []
        assert cloud.hears("alone")


def test_a_crash_before_the_send_loses_the_message_and_one_after_it_does_not(cloud):
    with inject(cloud.vhost, plan(Fate(crash="before"), Fate(crash="after"))):
        with pytest.raises(SimulatedCrash):
            cloud.caller.cast("hear", word="before")
        with pytest.raises(SimulatedCrash):
            cloud.caller.cast("hear", word="after")
    assert cloud.hears("after")


@pytest.mark.parametrize("fate", [DROP, Fate(crash="before"), Fate(delay_s=0.4)])
def test_a_lost_reply_leaves_the_caller_not_knowing(cloud, fate):
    with inject(cloud.vhost, plan(fate, kind="reply")):
        with pytest.raises(Unavailable):
            cloud.caller.call("hear", timeout_s=0.2, word="done all the same")
        assert cloud.heard == ["done all the same"]
        assert cloud.caller.call("hear", timeout_s=5, word="next") == "next"


@pytest.mark.parametrize("fate", [DUPLICATE, Fate(crash="after"), Fate(reorder=True), Fate(delay_s=0.05)])
def test_these_faults_of_a_reply_do_no_harm(cloud, fate):
    with inject(cloud.vhost, plan(fate, kind="reply")):
        assert [cloud.caller.call("hear", timeout_s=5, word=word) for word in "ab"] == ["a", "b"]


def test_a_dropped_call_times_out(cloud):
    with inject(cloud.vhost, plan(DROP, kind="call")), pytest.raises(Unavailable):
        cloud.caller.call("hear", timeout_s=0.05, word=1)


def test_a_plan_sees_what_passes_and_ends_with_its_block(cloud):
    seen = []
    with inject(cloud.vhost, lambda passing: seen.append(passing) or DELIVER):
        cloud.caller.call("hear", server="one", timeout_s=5, word=1)
    cloud.caller.cast("hear", word=2)
    assert seen == [Passing("call", "hear", "conductor", "one"), Passing("reply", "hear", "conductor", "one")]


def test_a_plan_troubles_its_own_cloud_alone(make_cloud):
    troubled, calm = make_cloud(), make_cloud()
    calm.server.start()
    with inject(troubled.vhost, SeededFaults(1, drop=1.0)):
        assert calm.caller.call("hear", timeout_s=5, word=1) == 1


def test_queues_outlive_a_whole_cloud_inside_the_block(make_cloud):
    cloud = make_cloud()
    with inject(cloud.vhost, plan()):
        cloud.server.start()
        cloud.server.stop()
        cloud.caller.cast("hear", word="kept")
        cloud.transport.cleanup()
        reborn = make_cloud()
        reborn.url = cloud.url
        reborn.server._transport = reborn.connect()
        reborn.server.start()
        assert reborn.hears("kept")


def test_a_delayed_message_does_not_hold_its_sender(cloud):
    with inject(cloud.vhost, plan(Fate(delay_s=0.2))):
        begin = time.monotonic()
        cloud.caller.cast("hear", word="slow")
        assert time.monotonic() - begin < 0.15
        assert cloud.hears("slow")


@given(seed=st.integers(), order=st.lists(st.sampled_from(MESSAGES), max_size=60))
def test_the_nth_message_of_a_kind_meets_the_same_fate_however_others_interleave(seed, order):
    interleaved, apart = SeededFaults(seed, **RATES), SeededFaults(seed, **RATES)
    fates = [(one, interleaved(one)) for one in order]
    for kind in MESSAGES:
        assert [fate for one, fate in fates if one == kind] == [apart(kind) for one in order if one == kind]
    assert interleaved.injected == apart.injected


def test_rates_are_kept_and_seeds_differ():
    first, second = SeededFaults(1, drop=0.1), SeededFaults(2, drop=0.1)
    fates = [[one(MESSAGES[0]) for _ in range(2000)] for one in (first, second)]
    assert fates[0] != fates[1]
    assert 120 < first.injected["drop"] < 280


def test_only_the_named_verbs_are_troubled():
    faults = SeededFaults(1, drop=1.0, only={"build"})
    assert [faults(one) for one in MESSAGES] == [DROP, DELIVER]


def test_rates_beyond_one_are_refused():
    with pytest.raises(ValueError, match="must not pass 1"):
        SeededFaults(1, drop=0.6, duplicate=0.6)
