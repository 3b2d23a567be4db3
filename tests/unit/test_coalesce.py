"""Coalescing: who waits together is served together, each with an outcome of its own."""

import threading

import pytest

from corenova.coalesce import Coalescer, Mailbox


class Handler:
    """Notes its batches; blocks until released, and decides what becomes of each item."""

    def __init__(self, decide=lambda item: item * 10):
        self.batches = []
        self.decide = decide
        self.entered = threading.Semaphore(0)
        self.released = threading.Semaphore(0)

    def __call__(self, items):
        self.batches.append(list(items))
        self.entered.release()
        assert self.released.acquire(timeout=10)
        return [self.decide(item) for item in items]


class Crowd:
    """Threads that submit one item each; their outcomes by item."""

    def __init__(self, coalescer):
        self.coalescer = coalescer
        self.outcomes = {}
        self.threads = []

    def submit(self, item):
        """Submit ``item`` in a thread of its own and return once it waits its turn or leads."""
        before = len(self.coalescer._waiting)
        thread = threading.Thread(target=self._run, args=(item,), daemon=True)  # a failing test must end
        self.threads.append(thread)
        thread.start()
        return before

    def join_the_queue(self, *items):
        """Submit items one by one, each behind the other, while a batch is under way."""
        for item in items:
            before = self.submit(item)
            while len(self.coalescer._waiting) == before:
                threading.Event().wait(0.001)

    def end(self):
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        return self.outcomes

    def _run(self, item):
        try:
            self.outcomes[item] = self.coalescer.submit(item)
        except BaseException as error:
            self.outcomes[item] = error


def crowd_behind_a_blocked_leader(handler, *items, max_batch=256):
    crowd = Crowd(Coalescer(handler, max_batch=max_batch))
    crowd.submit(0)
    assert handler.entered.acquire(timeout=10)
    crowd.join_the_queue(*items)
    return crowd


def test_an_idle_caller_is_served_alone_in_its_own_thread():
    threads = []

    def handle(items):
        threads.append(threading.current_thread())
        return items

    coalescer = Coalescer(handle)
    assert [coalescer.submit(1), coalescer.submit(2)] == [1, 2]
    assert threads == [threading.current_thread()] * 2


def test_who_comes_during_a_batch_is_served_together_by_the_next_in_order():
    handler = Handler()
    crowd = crowd_behind_a_blocked_leader(handler, 1, 2, 3)
    handler.released.release(2)
    assert crowd.end() == {0: 0, 1: 10, 2: 20, 3: 30}
    assert handler.batches == [[0], [1, 2, 3]]


def test_no_batch_is_larger_than_allowed_and_leadership_passes_on():
    handler = Handler()
    crowd = crowd_behind_a_blocked_leader(handler, 1, 2, 3, 4, 5, max_batch=2)
    handler.released.release(4)
    assert crowd.end() == {number: number * 10 for number in range(6)}
    assert handler.batches == [[0], [1, 2], [3, 4], [5]]


def test_the_first_leader_goes_home_while_the_next_batch_runs():
    handler = Handler()
    crowd = crowd_behind_a_blocked_leader(handler, 1, 2)
    handler.released.release()
    crowd.threads[0].join(10)
    assert crowd.outcomes == {0: 0}
    handler.released.release()
    crowd.end()


def test_an_error_that_is_an_outcome_reaches_its_own_submitter_alone():
    handler = Handler(lambda item: KeyError(item) if item == 2 else item)
    crowd = crowd_behind_a_blocked_leader(handler, 1, 2, 3)
    handler.released.release(2)
    outcomes = crowd.end()
    assert isinstance(outcomes.pop(2), KeyError)
    assert outcomes == {0: 0, 1: 1, 3: 3}


@pytest.mark.parametrize("error", [RuntimeError("all"), SystemExit("a BaseException")], ids=lambda e: type(e).__name__)
def test_an_error_of_a_batch_reaches_all_of_it_and_nobody_after_it(error):
    def decide(item):
        if item in (1, 2):
            raise error
        return item

    handler = Handler(decide)
    crowd = crowd_behind_a_blocked_leader(handler, 1, 2, 3, max_batch=2)
    handler.released.release(3)
    assert crowd.end() == {0: 0, 1: error, 2: error, 3: 3}
    assert handler.batches == [[0], [1, 2], [3]]


def test_outcomes_that_do_not_match_the_items_are_an_error_for_all():
    coalescer = Coalescer(lambda items: [])
    for _ in range(2):  # and the coalescer still works
        with pytest.raises(ValueError, match="shorter"):
            coalescer.submit(1)


def test_a_thousand_submits_of_many_threads_lose_nothing():
    seen = []

    def handle(items):
        seen.extend(items)
        return items

    coalescer, wrong = Coalescer(handle, max_batch=7), []

    def run(number):
        wrong.extend(item for item in range(number, 1000, 8) if coalescer.submit(item) != item)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(seen), wrong) == (list(range(1000)), [])


def test_a_mailbox_gives_what_waits_in_order_of_arrival_and_the_newest_value_of_a_key():
    mailbox = Mailbox()
    mailbox.put({"a": 1, "b": 2})
    mailbox.put({"c": 3, "a": 4})
    assert list(mailbox.take().items()) == [("a", 4), ("b", 2), ("c", 3)]


def test_a_mailbox_merges_as_it_is_told():
    mailbox = Mailbox(lambda older, newer: older + newer)
    for value in ("x", "y"):
        mailbox.put({"a": value})
    assert mailbox.take() == {"a": "xy"}
    mailbox.put({"a": "z"})
    assert mailbox.take() == {"a": "z"}


def test_a_mailbox_gives_at_most_so_many_and_the_rest_to_the_next():
    mailbox = Mailbox()
    mailbox.put(dict.fromkeys("abcde", True))
    assert [list(mailbox.take(most=2)) for _ in range(3)] == [["a", "b"], ["c", "d"], ["e"]]


def test_one_put_wakes_as_many_readers_as_it_has_work_for():
    mailbox, taken = Mailbox(), []
    readers = [threading.Thread(target=lambda: taken.append(mailbox.take(most=1)), daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    mailbox.put({"a": 1, "b": 2, "c": 3})
    for reader in readers:
        reader.join(10)
    assert sorted(next(iter(values)) for values in taken) == ["a", "b", "c"]


def test_a_closed_mailbox_is_drained_and_then_says_so_to_every_reader():
    mailbox = Mailbox()
    mailbox.put({"a": 1, "b": 2})
    mailbox.close()
    assert [mailbox.take(most=1), mailbox.take(most=1), mailbox.take(), mailbox.take()] == [
        {"a": 1},
        {"b": 2},
        None,
        None,
    ]


def test_closing_wakes_readers_that_wait():
    mailbox, taken = Mailbox(), []
    readers = [threading.Thread(target=lambda: taken.append(mailbox.take()), daemon=True) for _ in range(2)]
    for reader in readers:
        reader.start()
    mailbox.close()
    for reader in readers:
        reader.join(10)
    assert taken == [None, None]


@pytest.fixture
def lingering(monkeypatch):
    """Replace the sleep of the coalescing module; returns the list of what happens during one and what was slept."""
    slept, meanwhile = [], []

    class Time:
        @staticmethod
        def sleep(seconds):
            slept.append(seconds)
            for happen in meanwhile:
                happen()

    monkeypatch.setattr("corenova.coalesce.time", Time)
    return slept, meanwhile


def test_a_busy_reader_lets_company_join_and_an_idle_one_does_not_wait(lingering):
    slept, meanwhile = lingering
    mailbox = Mailbox()
    mailbox.put({"a": 1})
    assert (mailbox.take(linger_s=0.5), slept) == ({"a": 1}, [])
    mailbox.put({"b": 1, "c": 1})
    mailbox.take(linger_s=0.5)
    meanwhile.append(lambda: mailbox.put({"e": 1}))
    mailbox.put({"d": 1})
    assert (mailbox.take(linger_s=0.5), slept) == ({"d": 1, "e": 1}, [0.5])


def test_what_another_reader_took_meanwhile_is_an_empty_answer_and_not_the_end(lingering):
    _, meanwhile = lingering
    mailbox = Mailbox()
    mailbox.put({"a": 1, "b": 1})
    mailbox.take()
    mailbox.put({"c": 1})
    meanwhile.append(mailbox.take)
    assert mailbox.take(linger_s=0.5) == {}


def test_a_leader_lingers_only_after_a_batch_that_had_company(lingering):
    slept, _ = lingering
    handler = Handler()
    coalescer = Coalescer(handler, linger_s=0.5)
    crowd = Crowd(coalescer)
    crowd.submit(0)
    assert handler.entered.acquire(timeout=10)
    crowd.join_the_queue(1, 2)
    handler.released.release(2)
    crowd.end()
    assert slept == []
    handler.released.release(2)
    assert coalescer.submit(3) == 30
    assert coalescer.submit(4) == 40
    assert slept == [0.5]
