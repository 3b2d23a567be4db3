"""The hook contract: moments of a server's life that a plug-in may listen to (pluggy).

A hook plug-in is a class registered in ``corenova.hooks``, constructed without arguments; it is active when
``[plugins] enabled_hooks`` names it. Implementations are marked with :data:`hookimpl` and take any subset of the
arguments. All hooks here observe: they are called after the fact was committed, in the service's own thread, at least
once a fact (a crash may repeat one). An implementation that raises is logged and counted and harms nobody.
"""

import pluggy

from corenova.objects.instance import Instance
from corenova.objects.request_spec import RequestSpec

PROJECT = "corenova"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """The hooks. Must not block: the next instance waits."""

    @hookspec
    def state_changed(self, instance: Instance, old_vm_state: str | None) -> None:
        """``instance`` has entered its vm_state (created: ``old_vm_state`` is None). In the conductor or API."""

    @hookspec
    def host_selected(self, spec: RequestSpec, instance_uuid: str, host: str) -> None:
        """The scheduler has claimed ``host`` for the instance. In the scheduler."""

    @hookspec
    def nothing_fits(self, spec: RequestSpec, instance_uuid: str, reason: str) -> None:
        """No host can take the instance; ``reason`` is the sentence that the user sees. In the scheduler."""

    @hookspec(historic=True)
    def service_started(self, binary: str, host: str) -> None:
        """A service of this process is ready. Historic: a plug-in that is registered later hears of it too."""
