"""Small parts of the compute's manager that have rules of their own."""

import threading
from types import SimpleNamespace

from corenova.compute.manager import ComputeManager, _final_wins, _Locks
from corenova.exceptions import DriverError
from corenova.objects.states import Step
from corenova.objects.work import Report, Result, WorkOrder
from corenova.testing.builders import instance


def test_one_instance_is_worked_on_by_one_thread_and_locks_do_not_pile_up():
    locks, inside, wrong = _Locks(), [], []

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
    locks = _Locks()
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


def test_work_whose_error_cannot_be_told_is_reported_all_the_same():
    class UnspeakableError(DriverError):
        def __str__(self):
            raise RuntimeError("no words")

    reports = []
    manager = SimpleNamespace(_report=lambda order, result, **told: reports.append((result, told["reason"])))
    ComputeManager._fail(manager, WorkOrder(instance=instance(), step=Step.BUILD), UnspeakableError())
    assert [reason for _, reason in reports] == ["UnspeakableError"]
