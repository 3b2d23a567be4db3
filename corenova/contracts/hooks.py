"""The hook contract: moments of a server's life that a plug-in may listen to, and two at which it may say no (pluggy).

A hook plug-in is a class registered in ``corenova.hooks``, constructed without arguments; it is active where
``[plugins] enabled_hooks`` names it. Implementations are marked with :data:`hookimpl` and take any subset of the
arguments, by name; pluggy's wrappers, ``tryfirst`` and ``trylast`` are refused. Arguments are copies, made for each
plug-in: whatever is done to them changes nothing. Instances come without what guests alone may know (``boot``,
``guest``).

*Observers* are told after the fact, each plug-in in a thread of its own in each process, so whatever they do harms
nobody: one that raises is logged and counted; one that takes longer than ``[plugins] hook_timeout_s`` is left alone and
its thread replaced; one that does so again and again is not called for a while. What has been committed is told after
the commit, and before the next service is woken: within a process a plug-in hears of facts in the order in which they
came true, and between processes in no order. A fact is told once as a rule. It is swallowed when the process dies
between commit and call or while it waits in the queue, when the queue is full, and while the plug-in is switched off;
it is repeated when work is taken up again after a crash. A ``_pre`` may go without its ``_post`` then, and come again.
Whoever needs every fact compares with the API at intervals.

*Veto hooks* (:data:`VETO_HOOKS`) are asked before anything is written, while the user waits: all plug-ins, in the order
of the ini file, until one refuses. They return None to let the request pass, or the reason of a no: one sentence, which
the user reads (HTTP 403). They fail closed: raising, taking longer than ``[plugins] veto_timeout_s`` (with the wait for
one of the plug-in's four threads), or returning anything else is a no as well, and so is a plug-in whose vetoes are
switched off after faults. They may be asked about a request that is then refused by others, and several at a time.

What fails as an observer, as a veto or as a resource of the API (:class:`AdminRoute`) is switched off as that alone.
"""

from collections.abc import Callable, Mapping, Sequence

import pluggy
from oslo_config import cfg

from corenova.objects.context import RequestContext
from corenova.objects.instance import Instance
from corenova.objects.request_spec import RequestSpec

CONTRACT_VERSION = (1, 0)
PROJECT = "corenova"
VETO_HOOKS = frozenset({"api_create_pre", "api_delete_pre"})
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class AdminRoute:
    """One resource that a plug-in adds to the admin API, read only: ``GET /v2.1/os-plugins/<plug-in>/<path>``.

    :param path: one or several segments of letters, digits, ``-`` and ``_``.
    :param answer: called with the query's parameters, of several values of one the last; returns what is sent as JSON,
        at most 1 MiB. Called from up to four threads, which vetoes have no part in, under the time budget of a veto:
        503 beyond it. ValueError is a 400 with its words, whatever else it raises a 500 for that request alone; one
        such answer after the other, and the plug-in's resources are switched off for a while (503).
    """

    def __init__(self, path: str, answer: Callable[[Mapping[str, str]], object]):
        self.path, self.answer = path, answer


class HookSpecs:
    """All hooks. A hop is told of with ``_pre`` before it begins and with ``_post`` when it has ended."""

    # What a process is made of. A plug-in that is registered late is asked, or told, of these all the same. The first
    # two are asked once, in the starting thread; what cannot be used stops the start.

    @hookspec(historic=True)
    def config_options(self, conf: cfg.ConfigOpts) -> Mapping[str, Sequence[cfg.Opt]]:
        """Return further options by section, for what does not fit in the plug-in's own section (``options``).

        :param conf: where their values can be read as soon as this has returned; in the sample generator, of nothing.
        """
        return {}

    @hookspec(historic=True)
    def api_routes(self) -> Sequence[AdminRoute]:
        """Return resources to add to the admin API. Asked in every process, so that what cannot be used is found
        wherever the plug-in is loaded; the API serves them."""
        return ()

    @hookspec(historic=True)
    def service_started(self, binary: str, host: str) -> None:
        """A service of this process is ready (``nova-conductor``, ``nova-compute`` ...)."""

    @hookspec
    def service_stopped(self, binary: str, host: str) -> None:
        """A service of this process has stopped in good order; observers have a second to come to an end. Of an API
        under a WSGI server of the operator's: when its worker process ends by itself."""

    # create, hop by hop.

    @hookspec
    def api_create_pre(
        self, context: RequestContext, spec: RequestSpec, count: int, usage: Callable[[], Mapping[str, int]]
    ) -> str | None:
        """Veto. A request for ``count`` servers (``max_count``) is well formed; nothing has been written.

        :param usage: returns what the project has now: ``instances``, ``cores``, ``ram`` (MiB). Asks the database.
        """

    @hookspec
    def api_create_post(self, context: RequestContext, instances: Sequence[Instance]) -> None:
        """The servers are in the database and will be built; the answer is about to be sent."""

    @hookspec
    def conductor_create_pre(self, instances: Sequence[Instance]) -> None:
        """The conductor has taken up these servers and is about to ask the scheduler."""

    @hookspec
    def conductor_create_post(self, hosts: Mapping[str, str | None]) -> None:
        """The scheduler has answered: a host by the uuid of each server, None where there is none. Computes are woken
        next, and a server without a host ends in ERROR, or is tried again."""

    @hookspec
    def scheduler_create_pre(self, spec: RequestSpec, instance_uuids: Sequence[str]) -> None:
        """The scheduler is about to decide on equal servers."""

    @hookspec
    def host_selected(self, spec: RequestSpec, instance_uuid: str, host: str) -> None:
        """The scheduler has claimed ``host`` for the instance."""

    @hookspec
    def nothing_fits(self, spec: RequestSpec, instance_uuid: str, reason: str) -> None:
        """No host can take the instance; ``reason`` is the sentence that the user sees. In the scheduler."""

    @hookspec
    def scheduler_create_post(self, spec: RequestSpec, hosts: Mapping[str, str | None]) -> None:
        """The scheduler has decided and claimed: a host by the uuid of each server, None where there is none."""

    @hookspec
    def compute_create_pre(self, host: str, instance: Instance) -> None:
        """The driver is about to be asked for the guest."""

    @hookspec
    def compute_create_post(self, host: str, instance: Instance, error: str | None) -> None:
        """The guest runs, or could not be built: ``error`` says why, to operators; another host may be tried. Not told
        when the work was given to somebody else meanwhile: the guest is gone, or becomes the other's."""

    # delete, hop by hop. The scheduler has no part in it.

    @hookspec
    def api_delete_pre(self, context: RequestContext, instance: Instance) -> str | None:
        """Veto. The caller may delete the server and wants to; nothing has been written. Not asked again while a delete
        is under way."""

    @hookspec
    def api_delete_post(self, context: RequestContext, instance: Instance) -> None:
        """The delete is in the database and will be carried out (or was, where there was nothing on a host)."""

    @hookspec
    def compute_delete_pre(self, host: str, instance: Instance) -> None:
        """The driver is about to be asked to remove the guest."""

    @hookspec
    def compute_delete_post(self, host: str, instance: Instance, error: str | None) -> None:
        """The guest is gone, or could not be removed: ``error`` says why, to operators; it will be tried again."""

    @hookspec
    def conductor_delete_pre(self, instance: Instance) -> None:
        """The conductor is about to send the order to the compute."""

    @hookspec
    def conductor_delete_post(self, instance: Instance) -> None:
        """The server is deleted: claim and ports are free. ``state_changed`` tells of it too."""

    # Wherever it happens.

    @hookspec
    def state_changed(self, instance: Instance, old_vm_state: str | None) -> None:
        """``instance`` has entered its vm_state (created: ``old_vm_state`` is None). In the conductor or API."""
