"""Limits of a process: what is counted, what is said, and who is told."""

import errno
import os
import threading
from types import SimpleNamespace

import pytest

from corenova.cmd import watermarks
from corenova.cmd.watermarks import Watermarks


class Conf(SimpleNamespace):
    """The options that are looked at."""

    def __getitem__(self, name):
        return getattr(self, name)


def limits(**given):
    return Watermarks(
        Conf(**{"report_interval": 0.01, "max_rss_mb": 0, "max_threads": 0, "max_open_files": 0, **given})
    )


def test_what_is_counted_is_true():
    memory = watermarks.rss_mb()
    end = threading.Event()
    waiting = [threading.Thread(target=end.wait, daemon=True) for _ in range(3)]
    for thread in waiting:
        thread.start()
    kept = b"x" * (64 << 20)
    assert watermarks.threads() >= 4
    assert memory + 60 <= watermarks.rss_mb() < memory + 200
    assert len(kept)
    end.set()
    before = watermarks.open_files()
    pipes = [os.pipe() for _ in range(20)]
    assert watermarks.open_files() >= before + 30
    for end in sum(pipes, ()):
        os.close(end)


@pytest.mark.parametrize(
    ("name", "noun"),
    [("max_rss_mb", "MiB of resident memory"), ("max_threads", "threads"), ("max_open_files", "open files")],
)
def test_a_limit_that_is_passed_is_told_with_both_numbers(name, noun):
    count = {option: count for option, _, count in watermarks.LIMITS}[name]
    (sentence,) = limits(**{name: 1} if count() > 1 else {name: 0.5}).look()
    assert noun in sentence and f"more than [DEFAULT] {name} = " in sentence and sentence.endswith("again.")
    assert limits(**{name: 10**6}).look() == ()


def test_the_process_is_stopped_once_with_the_code_that_means_again():
    codes, told = [], threading.Event()
    over = limits(max_rss_mb=1)
    assert over.alarms == ()
    over.start(lambda code: (codes.append(code), told.set()))
    assert told.wait(30)
    assert codes == [75]
    assert len(over.alarms) == 1


def raising(number):
    def count():
        raise OSError(number, os.strerror(number), "/proc/self/statm")

    return count


def test_a_process_that_can_open_no_file_any_more_is_stopped_whatever_it_cannot_count(monkeypatch):
    monkeypatch.setattr(watermarks, "LIMITS", (("max_rss_mb", "MiB", raising(errno.EMFILE)),))
    assert limits(max_rss_mb=10**6).look() == (
        "The process can open no more files (ulimit -n): it stops, to be started again.",
    )


def test_what_cannot_be_counted_is_counted_the_next_time_and_the_rest_now(monkeypatch):
    trouble = iter([raising(errno.ENFILE), lambda: 1 // 0, lambda: 7])
    rows = (("max_rss_mb", "MiB", lambda: next(trouble)()), ("max_threads", "threads", lambda: 5))
    monkeypatch.setattr(watermarks, "LIMITS", rows)
    codes, told = [], threading.Event()
    over = limits(max_rss_mb=6, max_threads=5)
    over.start(lambda code: (codes.append(code), told.set()))
    assert told.wait(30)
    assert codes == [75]
    assert over.alarms == ("The process has 7 MiB, more than [DEFAULT] max_rss_mb = 6: it stops, to be started again.",)
    monkeypatch.setattr(watermarks, "LIMITS", (("max_rss_mb", "MiB", raising(errno.ENFILE)), rows[1]))
    (sentence,) = limits(max_rss_mb=6, max_threads=4).look()
    assert "5 threads" in sentence


def test_without_limits_nobody_looks():
    before = threading.active_count()
    limits().start(lambda code: None)
    assert threading.active_count() == before
