"""A round asks about everything, and what hangs holds up itself alone."""

import threading

from corenova.compute.rounds import Rounds


def test_all_are_asked_in_order_and_one_that_raises_has_no_answer():
    rounds = Rounds("count", lambda item: 10 // item, timeout_s=10)
    assert rounds.all([1, 0, 5]) == [10, 2]


def test_one_that_hangs_is_left_behind_and_left_out_until_it_comes_back():
    over, back = threading.Event(), threading.Event()

    def ask(host):
        if host == "sick" and not over.is_set():
            assert over.wait(10)
            back.set()
        return host

    rounds = Rounds("answer", ask, timeout_s=0.1)
    assert rounds.all(["a", "sick", "b"]) == ["a", "b"]
    assert rounds.all(["a", "sick"]) == ["a"]
    over.set()
    assert back.wait(10)
    while rounds.all(["sick"]) != ["sick"]:
        pass


def test_no_more_than_a_few_threads_hang_and_the_log_tells_that_the_others_are_not_asked(caplog):
    over, entered = threading.Event(), []
    rounds = Rounds("answer", lambda host: entered.append(host) or over.wait(10), timeout_s=0.01)
    try:
        assert rounds.all([f"h{number}" for number in range(40)]) == []
        assert len(entered) == 16
        assert "Not asked to answer: 24 hosts, as long as 16 others hang" in caplog.text
        assert rounds.all(["h39"]) == []
        assert "Not asked to answer: 1 hosts, as long as 16 others hang" in caplog.text
    finally:
        over.set()
