"""The threads in which hook plug-ins run, so that whatever they do is done to them alone.

A plug-in has a pool for what it is told and one for what it is asked. Threads are daemons, made on demand; one that
hangs is left alone, counted as a fault and replaced, so that what waits behind it goes on.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from corenova.account import Account
from corenova.breaker import Breakers

LOG = logging.getLogger(__name__)
MOST_STUCK = 8
"""So many calls of a plug-in may hang at once; then it is switched off until the process ends."""
_DEPTH = 1000
_IDLE_S = 10.0


class NoAnswer(Exception):
    """The plug-in was not called, or has not come back; ``str(error)`` goes on after "The plug-in"."""


class Guard:
    """What becomes of the calls of one plug-in: entered in its account, and judged by a breaker of its own.

    Faults count when one call after the other fails; one that hangs counts in any case. So a request on which the
    plug-in fails harms itself, and not those of others.

    :param label: as logs and alarms name it.
    """

    def __init__(self, label: str, account: Account, breakers: Breakers):
        self.label, self._account, self._breakers = label, account, breakers
        self._breaker = account.guarded_by(breakers, label)
        self.stuck: set[threading.Thread] = set()

    def lets_through(self) -> bool:
        """Tell whether the plug-in may be called now."""
        if self._breaker.is_open:
            self._breaker.try_again()
        return not self._breaker.is_open

    def ended(self, seconds: float, error: BaseException | None) -> None:
        """Enter a call that has come back."""
        self._account.calls += 1
        self._account.seconds += seconds
        self._breakers.turn += 1
        if error is not None:
            self.fault(error)
        elif not self._breaker.is_closed:
            self._breaker.success()

    def fault(self, error: BaseException) -> None:
        """Enter a fault."""
        self._account.fault(error)
        self._breaker.fault(self._account.last_fault)

    def complain(self, words: str) -> None:
        """Enter a fault that is no reason to switch the plug-in off, and log it."""
        self._account.fault(words)
        LOG.warning("The %s: %s", self.label, words)

    def hangs(self, thread: threading.Thread, seconds: float) -> None:
        """Enter a call that has not come back, and is left alone with its thread."""
        self._account.calls += 1
        self._account.seconds += seconds
        self.stuck.add(thread)
        error = TimeoutError(f"it has not come back for {seconds:.3g} s")
        self._account.fault(error)
        self._breaker.fault(self._account.last_fault, once=False)
        LOG.error("The %s hangs: %s; its thread is left alone", self.label, error)
        if len(self.stuck) >= MOST_STUCK:
            self._breaker.open_for_good(f"{MOST_STUCK} of its calls hang; mend it and restart the service")

    def alarms(self) -> list[str]:
        """Return sentences for operators: that it is switched off, or hangs."""
        count = len(self.stuck)
        hanging = [f"{self.label} hangs: {count} of its calls {'has' if count == 1 else 'have'} not come back"]
        return [*self._breakers.alarms(), *(hanging if count else [])]


class Job:
    """One call of a plug-in, and what came of it.

    :param over: is set when it has come back; None: nobody waits.
    """

    __slots__ = ("call", "error", "over", "result", "since")

    def __init__(self, call: Callable[[], object], over: threading.Event | None = None):
        self.call, self.over = call, over
        self.result: object = None
        self.error: BaseException | None = None
        self.since: float | None = None


class Pool:
    """Threads of one plug-in. With one of them, calls are made in the order in which they come.

    :param most: how many threads at once, beside those that hang.
    :param timeout_s: a call that has not come back after so many seconds hangs.
    :param depth: how many calls may wait.
    """

    def __init__(self, guard: Guard, *, most: int, timeout_s: float, depth: int = _DEPTH):
        self._guard, self._most, self._depth, self.timeout_s = guard, most, depth, timeout_s
        self._lock = threading.Lock()
        self._work, self._rest = threading.Condition(self._lock), threading.Condition(self._lock)
        self._waiting: deque[Job] = deque()
        self._running: dict[Job, threading.Thread] = {}
        self._threads = self._idle = 0

    def put(self, job: Job) -> bool:
        """Let a thread make this call when one is free. False: too many wait already."""
        with self._lock:
            if self._running:
                self._look()
            if len(self._waiting) >= self._depth:
                return False
            self._waiting.append(job)
            self._staff()
        return True

    def ask(self, call: Callable[[], object]) -> object:
        """Return what ``call`` returns, in a thread of the pool.

        :raises NoAnswer: it has not answered within ``timeout_s``, or the plug-in is switched off.
        :raises Exception: whatever it raises; RuntimeError for what is none, as SystemExit.
        """
        job = Job(call, threading.Event())
        if not self._guard.lets_through():
            raise NoAnswer("is switched off after faults")
        if not self.put(job) or not (job.over.wait(self.timeout_s) or self._ended_by_now(job)):
            raise NoAnswer(f"has not answered within {self.timeout_s:g} s")
        if isinstance(job.error, Exception):
            raise job.error
        if job.error is not None:
            raise RuntimeError(f"it raised {type(job.error).__name__}") from job.error
        return job.result

    def look(self) -> None:
        """Give up calls that hang."""
        with self._lock:
            self._look()

    def drain(self, deadline: float) -> bool:
        """Wait until every call is made, or ``deadline`` (time.monotonic); tell whether they are."""
        with self._lock:
            while self._waiting or self._running:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._rest.wait(min(left, self.timeout_s / 4))
                self._look()
        return True

    def _look(self) -> None:
        now = time.monotonic()
        for job in [job for job in self._running if now - job.since >= self.timeout_s]:
            self._give_up(job)

    def _ended_by_now(self, job: Job) -> bool:
        """The time for ``job`` is over: give it up, unless it has just ended."""
        with self._lock:
            if job in self._running:
                self._give_up(job)
            elif job.since is None:
                self._waiting.remove(job)
                self._guard.complain("all of its threads are busy, a request is refused")
            return job.over.is_set()

    def _give_up(self, job: Job) -> None:
        self._guard.hangs(self._running.pop(job), time.monotonic() - job.since)
        self._threads -= 1
        self._staff()

    def _staff(self) -> None:
        """See to it that what waits is taken up."""
        if self._idle:
            self._work.notify()
        if len(self._waiting) > self._idle and self._threads < self._most:
            thread = threading.Thread(target=self._serve, name=self._guard.label, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system has no thread to give; the next call tries again
                self._guard.complain(str(error))
            else:
                self._threads += 1

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            is_called = self._guard.lets_through()
            if is_called:
                try:
                    job.result = job.call()
                except BaseException as error:
                    job.error = error
                    LOG.error("The %s raised", self._guard.label, exc_info=error)
            else:
                job.error = NoAnswer("is switched off after faults")
            if not self._comes_back(job, is_called=is_called):
                return

    def _next(self) -> Job | None:
        with self._lock:
            while not self._waiting:
                self._idle += 1
                is_woken = self._work.wait(_IDLE_S)
                self._idle -= 1
                if not is_woken and not self._waiting:
                    self._threads -= 1
                    return None
            job = self._waiting.popleft()
            job.since = time.monotonic()
            self._running[job] = threading.current_thread()
            return job

    def _comes_back(self, job: Job, *, is_called: bool) -> bool:
        """A call has come back; False: too late, the thread was replaced."""
        with self._lock:
            if self._running.pop(job, None) is None:
                self._guard.stuck.discard(threading.current_thread())
                return False
            if is_called:
                self._guard.ended(time.monotonic() - job.since, job.error)
            if job.over is not None:
                job.over.set()
            if not self._waiting and not self._running:
                self._rest.notify_all()
        return True
