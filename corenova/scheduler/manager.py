"""The scheduler's verb (rpc/scheduler.py has the caller's side), and what keeps a plug-in that hangs from stopping it.

Calls wait in a queue for a decider (decider.py), which has a thread of its own: one decision at a time, each must see
the ones before it. Whoever waits for an answer looks now and then at what that thread does. When it hangs in a plug-in,
another decider goes on with the queue; when it hangs for too long, its call fails and it is given up.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from oslo_config import cfg

from corenova.breaker import Breakers
from corenova.db.engine import Database
from corenova.events import Events
from corenova.exceptions import Unavailable
from corenova.objects.plugin_account import PluginAccount
from corenova.objects.request_spec import RequestSpec, Selection, SelectRequest
from corenova.rpc.server import expose
from corenova.scheduler import plugins
from corenova.scheduler.decider import Decider, PassAbandonedError, Stats, Told
from corenova.scheduler.isolation import proxy as isolation
from corenova.scheduler.pipeline import Pipeline
from corenova.scheduler.stages import builtin
from corenova.scheduler.watchdog import Watch

_PATIENCE_S = 0.2
"""How long one call of a plug-in may hold up others; also how often one who waits looks."""
_MOST_DECIDERS = 8
_END_S = 2.0


def build_pipeline(
    conf: cfg.ConfigOpts, *, seed: int | None = None, left_out: list[PluginAccount] | None = None
) -> Pipeline:
    """Load the enabled plug-ins and put the pipeline together; raises PluginError.

    :param seed: of choices at random, where they are to be the same each time.
    :param left_out: takes the accounts of those that ``[plugins] optional`` names and that could not be loaded.
    """
    section, absent = conf.filter_scheduler, [] if left_out is None else left_out
    filters = plugins.load_filters(conf, left_out=absent)
    weighers = plugins.load_weighers(conf, left_out=absent)
    isolation.check_names(conf, [one.name for one in (*filters, *(one for one, _ in weighers), *absent)])
    return Pipeline(
        builtin(conf),
        [isolation.isolated(conf, one) for one in filters],
        [(isolation.isolated(conf, one), multiplier) for one, multiplier in weighers],
        left_out=absent,
        alternates=conf.scheduler.max_attempts - 1,
        subset=section.host_subset_size,
        shuffle=section.shuffle_best_same_weighed_hosts,
        fixed=section.weight_normalization == "fixed",
        seed=seed,
        breakers=Breakers(conf.plugins.breaker_faults, conf.plugins.breaker_open_s),
    )


class SchedulerManager:
    """One scheduler.

    :ivar stats: what became of its claims.
    """

    def __init__(self, conf: cfg.ConfigOpts, db: Database, events: Events, pipeline: Pipeline):
        self.stats = Stats()
        self._pipeline = pipeline
        self._events = events
        self._make = lambda: Decider(conf, db, pipeline.twin(), self.stats)
        self._timeout_s = conf.plugins.plugin_timeout_s
        self._patience_s = min(_PATIENCE_S, self._timeout_s / 4)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._workers: list[_Worker] = []  # the oldest first; usually there is one
        self._lock = threading.Lock()
        self._is_stopped = False

    def start(self) -> None:
        """Start the processes of plug-ins that have one, in the background."""
        self._pipeline.start()

    def stop(self) -> None:
        """End the threads that do not hang, and the processes of plug-ins."""
        with self._lock:
            workers, self._workers, self._is_stopped = self._workers, [], True
        for _ in workers:
            self._calls.put(None)
        for worker in workers:
            if not worker.watch.look():
                worker.join(_END_S)
            if worker.is_alive():
                worker.fence()
        self._pipeline.stop()

    @expose
    def select_destinations(self, ctxt: dict, requests: list[SelectRequest]) -> list[Selection]:
        """Place and claim; one answer an instance."""
        hooks = self._events.hooks
        if hooks.listens("scheduler_create_pre"):
            for request in requests:
                hooks.call("scheduler_create_pre", spec=request.spec, instance_uuids=_uuids(request))
        selections = self._answer(_Call(lambda decider: decider.select(requests)))
        if hooks.listens("scheduler_create_post"):
            chosen = {selection.instance_uuid: selection.host for selection in selections}
            for request in requests:
                hosts = {uuid: chosen.get(uuid) for uuid in _uuids(request)}
                hooks.call("scheduler_create_post", spec=request.spec, hosts=hosts)
        return selections

    @expose
    def check_host(self, ctxt: dict, spec: RequestSpec, host: str) -> str | None:
        """Say why this host may not run what is asked, None when it may; nothing is claimed."""
        return self._answer(_Call(lambda decider: decider.check_host(spec, host)))

    def _answer(self, call: "_Call") -> object:
        """Let a decider answer, and watch it."""
        self._calls.put(call)
        if not self._workers:
            self._look()
        while not call.is_over(self._patience_s):
            if self._is_stopped:
                raise Unavailable("The scheduler is stopping.")
            self._look()
        result = call.result()
        for hook, told in call.told:
            self._events.hooks.call(hook, **told)
        return result

    def _look(self) -> None:
        """Give up who hangs for too long; let one more take calls when all that are left are held up."""
        with self._lock:
            held_up_s = {worker: worker.watch.look() for worker in self._workers}
            for worker, seconds in held_up_s.items():
                limit_s = worker.watch.limit_s(self._timeout_s)
                if seconds >= limit_s:
                    self._workers.remove(worker)
                    worker.give_up(limit_s)
            waiting = not self._calls.empty() and len(self._workers) < _MOST_DECIDERS
            if self._is_stopped:
                return
            if waiting and all(held_up_s[worker] >= self._patience_s for worker in self._workers):
                worker = _Worker(self._make(), self._pipeline, self._calls, self._goes_on)
                worker.start()  # before it is counted on: the system may have no thread to give
                self._workers.append(worker)

    def _goes_on(self, worker: "_Worker") -> bool:
        """Tell whether a worker that has finished a call is to take another: not when an older one can again."""
        with self._lock:
            if worker not in self._workers:
                return False
            older = self._workers[: self._workers.index(worker)]
            if all(one.watch.look() >= self._patience_s for one in older):
                return True
            self._workers.remove(worker)
            return False


def _uuids(request: SelectRequest) -> list[str]:
    return [uuid for uuid, _ in request.instances]


class _Call:
    """One call of a verb: what a decider is to do, and the answer to come."""

    def __init__(self, work: Callable[[Decider], tuple[object, list[Told]]]):
        self.work = work
        self._over = threading.Event()
        self._result: object = None
        self.told: list[Told] = []
        self._error: BaseException | None = None

    def end(
        self,
        result: object = None,
        told: list[Told] | None = None,
        *,
        error: BaseException | None = None,
    ) -> None:
        """Give the answer and the hooks to call, or the error."""
        self._result, self.told, self._error = result, told or [], error
        self._over.set()

    def is_over(self, timeout_s: float) -> bool:
        """Wait for the answer, for so long; tell whether it is there."""
        return self._over.wait(timeout_s)

    def result(self) -> object:
        """Return the answer, or raise the error."""
        if self._error is not None:
            raise self._error
        return self._result


class _Worker(threading.Thread):
    """The thread of one decider. A daemon: one that hangs does not keep the process."""

    def __init__(
        self,
        decider: Decider,
        pipeline: Pipeline,
        calls: "SimpleQueue[_Call | None]",
        goes_on: Callable[["_Worker"], bool],
    ):
        super().__init__(name="decider", daemon=True)
        self.watch = Watch(pipeline, self)
        self._decider = decider
        self._calls = calls
        self._goes_on = goes_on
        self._call: _Call | None = None

    def run(self) -> None:
        """Take calls until there are no more, or others do."""
        self._decider.recorder.start()
        try:
            self._take_calls()
        finally:
            self._decider.recorder.stop()

    def _take_calls(self) -> None:
        while (call := self._calls.get()) is not None:
            self._call = call
            try:
                call.end(*call.work(self._decider))
            except BaseException as error:
                call.end(error=error)
            self._call = call = None
            if not self._goes_on(self):
                return

    def fence(self) -> None:
        """Let whatever the thread may do later come to nothing."""
        self._decider.is_fenced = True
        self._decider.recorder.give_up()

    def give_up(self, seconds: float) -> None:
        """Let the call fail, and the plug-in be blamed."""
        self.fence()
        where = f"it has not come back for {seconds:g} s from {self.watch.where}"
        if self.watch.plugin is not None:
            self.watch.plugin.fault(TimeoutError(where), once=False)
        call = self._call
        if call is not None:
            call.end(error=PassAbandonedError("A plug-in of the scheduler hangs; the request is tried again."))
