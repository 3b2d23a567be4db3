"""Which order runs when: builds queue for their host, other work does not, and nothing is lost on the way."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from corenova.compute.slots import Slots
from corenova.objects.states import Step


class Work:
    """Orders that run until they are released; counts how many run at a time, by host."""

    def __init__(self, pool, *, most=16):
        self.pool = pool
        self.slots = Slots(pool, most=most, most_builds=2, do=self.run)
        self.lock = threading.Lock()
        self.running, self.most, self.done = Counter(), Counter(), []
        self.started = threading.Semaphore(0)
        self.release = threading.Event()

    def submit(self, *numbers, host="h", step=Step.BUILD):
        instance = SimpleNamespace(host=host)
        self.slots.submit([SimpleNamespace(step=step, instance=instance, number=number) for number in numbers])

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


def test_other_work_does_not_queue_behind_builds(work):
    work.submit(*range(4))
    work.submit(4, 5, step=Step.DELETE)
    work.wait_started(4)
    assert work.most == {"h": 4}
    assert sorted(work.end()) == list(range(6))


def test_a_place_is_given_back_after_each_build(work):
    for number in range(5):
        work.submit(number, number + 5)
    assert sorted(work.end()) == list(range(10))
    work.submit(10, 11)
    assert sorted(work.end()) == list(range(12))
    assert work.most == {"h": 2}


def test_slow_orders_get_more_threads_up_to_the_limit(pool):
    work = Work(pool, most=3)
    work.submit(*range(8), step=Step.STOP)
    work.wait_started(3)
    assert (work.slots.running, work.most["h"]) == (3, 3)
    assert sorted(work.end()) == list(range(8))
    assert work.most == {"h": 3}


def test_many_submitters_at_once_lose_nothing(pool):
    done, lock = [], threading.Lock()

    def do(order):
        with lock:
            done.append(order.number)

    slots = Slots(pool, most=4, most_builds=1, do=do)

    def submit(first):
        for number in range(first, 400, 4):
            instance = SimpleNamespace(host=f"h{number % 3}")
            slots.submit([SimpleNamespace(step=Step.BUILD, instance=instance, number=number)])

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
