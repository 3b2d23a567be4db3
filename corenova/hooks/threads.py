"""The threads in which hook plug-ins run, so that whatever they do is done to them alone.

A plug-in has a pool for each of its roles: what it is told, what it is asked, what its resources answer. Threads are
daemons, made on demand; one that hangs is left alone, counted as a fault and replaced, so that what waits behind it
goes on.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from corenova.hooks.role import Role

LOG = logging.getLogger(__name__)
DEPTH = 10_000
"""So many calls may wait: a single request for servers may make as many facts at once."""
_IDLE_S = 10.0
_SWITCHED_OFF = "is switched off after faults"


class NoAnswer(Exception):
    """The plug-in was not called, or has not come back; ``str(error)`` goes on after "The plug-in"."""


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
    """Threads of one role of a plug-in. With one of them, calls are made in the order in which they come.

    :param most: how many threads at once, beside those that hang.
    :param timeout_s: a call that has not come back after so many seconds hangs.
    :param depth: how many calls may wait.
    """

    def __init__(self, role: Role, *, most: int, timeout_s: float, depth: int = DEPTH):
        self.role, self._most, self._depth, self.timeout_s = role, most, depth, timeout_s
        self._lock = threading.Lock()
        self._work, self._rest = threading.Condition(self._lock), threading.Condition(self._lock)
        self._waiting: deque[Job] = deque()
        self._running: dict[Job, threading.Thread] = {}
        self._threads: set[threading.Thread] = set()
        self._idle = 0

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
        if not self.role.lets_through():
            raise NoAnswer(_SWITCHED_OFF)
        if not self.put(job) or not (job.over.wait(self.timeout_s) or self._is_over(job)):
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

    def _is_over(self, job: Job) -> bool:
        """Whoever has asked waits no longer: tell whether ``job`` has just ended.

        One that runs goes on: its time began when a thread took it up, and what it has waited before is no fault of it.
        """
        with self._lock:
            self._look()
            if job.over.is_set():
                return True
            if job.since is None:
                self._waiting.remove(job)
                self.role.complain("all of its threads are busy, a request is refused")
            return False

    def _give_up(self, job: Job) -> None:
        thread = self._running.pop(job)
        self.role.hangs(thread, time.monotonic() - job.since)
        self._threads.discard(thread)
        self._staff()

    def _staff(self) -> None:
        """See to it that what waits is taken up."""
        if self._idle:
            self._work.notify()
        if len(self._waiting) > self._idle and len(self._threads) < self._most:
            thread = threading.Thread(target=self._serve, name=self.role.label, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system has no thread to give; the next call tries again
                self.role.complain(str(error))
            else:
                self._threads.add(thread)

    def _serve(self) -> None:
        try:
            while (job := self._next()) is not None:
                try:
                    self._call(job)
                finally:
                    is_ours = self._comes_back(job)
                if not is_ours:
                    return
        except BaseException as error:  # what was raised cannot even be told
            LOG.error("A thread of the %s ends by %s", self.role.label, type(error).__name__)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
                self._staff()

    def _next(self) -> Job | None:
        with self._lock:
            while True:
                while not self._waiting:
                    self._idle += 1
                    is_woken = self._work.wait(_IDLE_S)
                    self._idle -= 1
                    if not is_woken and not self._waiting:
                        return None
                job = self._waiting.popleft()
                if self.role.lets_through():
                    job.since = time.monotonic()
                    self._running[job] = threading.current_thread()
                    return job
                job.error = NoAnswer(_SWITCHED_OFF)
                self._end(job)

    def _call(self, job: Job) -> None:
        try:
            job.result = job.call()
        except BaseException as error:
            job.error = error
            LOG.error("The %s raised", self.role.label, exc_info=error)

    def _comes_back(self, job: Job) -> bool:
        """A call has come back; False: too late, the thread was replaced."""
        with self._lock:
            if self._running.pop(job, None) is None:
                self.role.unjam(threading.current_thread())
                return False
            try:
                self.role.ended(time.monotonic() - job.since, job.error)
            finally:
                self._end(job)
        return True

    def _end(self, job: Job) -> None:
        """Wake whoever waits for ``job``, or for the last one."""
        if job.over is not None:
            job.over.set()
        if not self._waiting and not self._running:
            self._rest.notify_all()
