"""Threads that begin together, for tests of what only one of many may do."""

import threading
from collections.abc import Callable


def at_once(count: int, run: Callable[[int], object]) -> list:
    """Run ``run(number)`` in ``count`` threads that begin together; returns what each returned, or raised."""
    outcomes, barrier = [None] * count, threading.Barrier(count)

    def body(number: int) -> None:
        barrier.wait()
        try:
            outcomes[number] = run(number)
        except Exception as error:
            outcomes[number] = error

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def all_at_once(count: int, run: Callable[[int], object]) -> list:
    """The same, where nobody may be refused: the first error is raised."""
    outcomes = at_once(count, run)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return outcomes
