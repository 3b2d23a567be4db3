"""Which order runs when: what is too much for a host queues, what hangs is left behind, and nothing is lost."""

import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from corenova.compute.slots import Slots
from corenova.objects.states import Step


def order(number, host):
    return SimpleNamespace(step=Step.BUILD, instance=SimpleNamespace(host=host), number=number)


class Work:
    """Orders that run until they are released; counts how many run at a time, by host."""

    def __init__(self, pool, *, most=16, most_of_host=2):
        self.pool = pool
        self.slots = Slots(pool, most=most, most_of_host=most_of_host, most_left=2, do=self.run)
        self.lock = threading.Lock()
        self.running, self.most, self.done = Counter(), Counter(), []
        self.threads, self.calls = {}, {}
        self.started = threading.Semaphore(0)
        self.release = threading.Event()
        self.gates = defaultdict(lambda: self.release)

    def submit(self, *numbers, host="h"):
        self.slots.submit([order(number, host) for number in numbers])

    def run(self, order):
        host = order.instance.host
        with self.lock:
            self.threads[order.number] = threading.get_ident()
            self.calls[order.number] = time.perf_counter()
            self.running[host] += 1
            self.most[host] = max(self.most[host], self.running[host])
        self.started.release()
        assert self.gates[order.number].wait(10)
        with self.lock:
            self.running[host] -= 1
            self.done.append(order.number)

    def leave(self, number):
        """Leave the worker behind whose call, the one of this order, does not come back."""
        return self.slots.leave(self.threads[number], self.calls[number])

    def wait_started(self, count):
        for _ in range(count):
            assert self.started.acquire(timeout=10)

    def end(self):
        """Let everything run to its end; returns the numbers in the order in which they were done."""
        self.release.set()
        with self.slots._changed:
            assert self.slots._changed.wait_for(lambda: not self.slots.running, 10)
        return self.done


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def work(pool):
    work = Work(pool)
    yield work
    work.release.set()


def test_a_host_builds_only_so_many_at_a_time_and_each_host_has_its_own(work):
    work.submit(*range(10), host="one")
    work.submit(10, host="two")
    work.wait_started(3)
    assert work.slots.running == 3
    assert sorted(work.end()) == list(range(11))
    assert work.most == {"one": 2, "two": 1}


def test_a_worker_that_hangs_is_left_behind_and_its_place_is_taken(pool):
    work = Work(pool, most=2, most_of_host=2)
    work.submit(0, 1, 2, host="sick")
    work.submit(3, host="well")
    work.wait_started(2)
    assert work.leave(0).number == 0
    work.wait_started(1)
    assert work.leave(0) is None, "it is left behind already"
    assert work.leave(1).number == 1
    work.wait_started(1)
    assert work.running == {"sick": 3, "well": 1}
    assert work.leave(2) is None, "as many are left behind as may be"
    assert work.slots.running == 2
    assert set(work.end()) >= {2, 3}
    pool.shutdown(wait=True)
    assert sorted(work.done) == [0, 1, 2, 3]
    assert (work.slots._left, work.slots._running, work.slots._busy) == ({}, {}, {"sick": 0, "well": 0})


def test_a_call_that_comes_back_late_does_not_cost_the_next_order_of_its_thread(pool):
    work = Work(pool, most=1)
    work.gates[0] = back = threading.Event()
    work.submit(0, 1)
    work.wait_started(1)
    hangs = work.threads[0], work.calls[0]
    back.set()
    work.wait_started(1)
    assert work.threads[1] == work.threads[0], "the thread that hung carries out order 1 by now"
    assert work.slots.leave(*hangs) is None
    assert work.leave(1).number == 1
    work.end()


def test_a_place_is_given_back_after_each_build(work):
    for number in range(5):
        work.submit(number, number + 5)
    assert sorted(work.end()) == list(range(10))
    work.submit(10, 11)
    assert sorted(work.end()) == list(range(12))
    assert work.most == {"h": 2}


def test_slow_orders_get_more_threads_up_to_the_limit(pool):
    work = Work(pool, most=3, most_of_host=16)
    work.submit(*range(8))
    work.wait_started(3)
    assert (work.slots.running, work.most["h"]) == (3, 3)
    assert sorted(work.end()) == list(range(8))
    assert work.most == {"h": 3}


def test_many_submitters_at_once_lose_nothing(pool):
    done, lock = [], threading.Lock()

    def do(order):
        with lock:
            done.append(order.number)

    slots = Slots(pool, most=4, most_of_host=1, most_left=2, do=do)

    def submit(first):
        for number in range(first, 400, 4):
            slots.submit([order(number, f"h{number % 3}")])

    submitters = [threading.Thread(target=submit, args=(first,)) for first in range(4)]
    for submitter in submitters:
        submitter.start()
    for submitter in submitters:
        submitter.join()
    with slots._changed:
        assert slots._changed.wait_for(lambda: not slots.running, 10)
    assert sorted(done) == list(range(400))


def test_after_the_pool_was_shut_down_nothing_counts_as_running(work):
    work.pool.shutdown(wait=True)
    work.submit(1)
    assert work.slots.running == 0
