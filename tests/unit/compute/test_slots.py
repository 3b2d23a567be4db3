"""Builds queue for their host, other work does not, and nothing is lost on the way."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from corenova.compute.manager import _final_wins, _Locks, _Slots
from corenova.objects.states import Step
from corenova.objects.work import Report, Result


class Work:
    """Orders that run until they are released; counts how many run at a time, by host."""

    def __init__(self, slots):
        self.slots = slots
        self.lock = threading.Lock()
        self.running, self.most, self.done = Counter(), Counter(), []
        self.started = threading.Semaphore(0)
        self.release = threading.Event()

    def submit(self, number, host="h", step=Step.BUILD):
        order = SimpleNamespace(step=step, instance=SimpleNamespace(host=host), number=number)
        self.slots.submit(order, self.run)

    def run(self, order):
        host = order.instance.host
        with self.lock:
            self.running[host] += 1
            self.most[host] = max(self.most[host], self.running[host])
        self.started.release()
        assert self.release.wait(10)
        with self.lock:
            self.running[host] -= 1
            self.done.append(order.number)
        if order.number < 0:
            raise RuntimeError("an order that fails")

    def wait_started(self, count):
        for _ in range(count):
            assert self.started.acquire(timeout=10)


@pytest.fixture
def work():
    with ThreadPoolExecutor(16) as pool:
        work = Work(_Slots(pool, 2))
        yield work
        work.release.set()


def test_a_host_builds_only_so_many_at_a_time_and_each_host_has_its_own(work):
    for number in range(10):
        work.submit(number, host="one")
    work.submit(10, host="two")
    work.wait_started(3)
    assert work.slots.running == 3
    work.release.set()
    work.wait_started(8)
    work.slots._pool.shutdown(wait=True)
    assert (work.most, sorted(work.done), work.slots.running) == ({"one": 2, "two": 1}, list(range(11)), 0)


def test_other_work_does_not_queue_behind_builds(work):
    for number in range(4):
        work.submit(number)
    work.submit(4, step=Step.DELETE)
    work.wait_started(3)
    assert work.most == {"h": 3}


def test_builds_that_fail_give_their_place_to_the_next(work):
    for number in range(-5, 0):
        work.submit(number)
    work.release.set()
    work.wait_started(5)
    work.submit(1)
    work.wait_started(1)


def test_after_the_pool_was_shut_down_nothing_counts_as_running(work):
    work.slots._pool.shutdown(wait=True)
    work.submit(1)
    assert work.slots.running == 0


def test_one_instance_is_worked_on_by_one_thread_and_locks_do_not_pile_up():
    locks, inside, wrong = _Locks(), [], []

    def run():
        for _ in range(200):
            with locks.of("i"):
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


def test_a_report_that_comes_back_unsent_does_not_bury_the_end_of_the_work():
    progress, end = (
        Report(instance_uuid="i", generation=1, host="h", step="build", result=result)
        for result in (Result.PROGRESS, Result.DONE)
    )
    assert _final_wins(end, progress) is end
    assert _final_wins(progress, end) is end
    assert _final_wins(progress, progress) is progress
