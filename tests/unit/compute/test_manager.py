"""Small parts of the compute that have rules of their own: locks, reports, orders that fail, and the look for hangs."""

import threading
from types import SimpleNamespace

from corenova.compute.locks import GuestLocks
from corenova.compute.manager import ComputeManager
from corenova.compute.orders import Orders
from corenova.compute.reports import _final_wins
from corenova.exceptions import DriverError
from corenova.objects.states import Step
from corenova.objects.work import Report, Result
from tests.unit.guards.conftest import ToyDriver, guarded_driver, parsed


def test_the_look_for_hangs_goes_on_after_one_that_failed():
    guard = guarded_driver(ToyDriver())
    parts = {"hooks": None, "images": None, "state_path": "/nowhere", "address": "c1", "incarnation": "1"}
    manager = ComputeManager(parsed(compute__driver_timeout_s=0.1), guard, None, **parts)
    looks = []

    def overdue():
        looks.append(1)
        if len(looks) == 2:
            manager._stopping.set()
        raise RuntimeError("poison")

    guard.overdue = overdue
    manager._look_for_hangs()
    assert len(looks) == 2


class UnspeakableError(DriverError):
    """An error of the contract that cannot be printed."""

    def __str__(self):
        raise RuntimeError("not even that")


def test_an_order_whose_error_has_no_words_is_reported_all_the_same():
    told = []
    reports = SimpleNamespace(put=lambda order, result, **more: told.append((result, more)))
    orders = Orders(None, None, reports, believes=None, shutdown_s=1)
    orders.failed(SimpleNamespace(step=Step.BUILD, instance=SimpleNamespace(uuid="i")), UnspeakableError())
    words = {"reason": "UnspeakableError", "public_reason": "the hypervisor could not build it"}
    assert told == [(Result.RESCHEDULE, words)]


def test_one_instance_is_worked_on_by_one_thread_and_locks_do_not_pile_up():
    locks, inside, wrong = GuestLocks(), [], []

    def run():
        for _ in range(200):
            with locks.of("h", "i", timeout_s=10) as alone:
                assert alone
                inside.append(1)
                wrong.extend(inside[1:])
                inside.pop()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(locks._locks) == 0


def test_who_waits_too_long_for_an_instance_is_told_so_and_another_instance_is_free():
    locks = GuestLocks()
    with locks.of("h", "i", timeout_s=0) as first:
        with locks.of("h", "i", timeout_s=0) as second, locks.of("h", "other", timeout_s=0) as other:
            assert (first, second, other) == (True, False, True)
        with locks.of("elsewhere", "i", timeout_s=0) as elsewhere:
            assert elsewhere
        with locks.of("h", "i", timeout_s=0) as third:
            assert not third, "the second, who did not get it, has not released it either"
    with locks.of("h", "i", timeout_s=0) as again:
        assert again


def test_a_report_that_comes_back_unsent_does_not_bury_the_end_of_the_work():
    progress, end = (
        Report(instance_uuid="i", generation=1, host="h", step="build", result=result)
        for result in (Result.PROGRESS, Result.DONE)
    )
    assert _final_wins(end, progress) is end
    assert _final_wins(progress, end) is end
