"""The compute's verbs that are hints (rpc/compute.py has the caller's side): each names rows that wait for it.

What is to be done with a row comes with the order for it, so all of them only wake the thread that asks for orders.
They have a name each, Nova's, because that is what one searches for.
"""

from collections.abc import Sequence

from corenova.rpc.server import expose


class Hints:
    """The verbs; whoever inherits them offers ``_wake``."""

    def _wake(self, uuids: Sequence[str]) -> None:
        raise NotImplementedError

    @expose
    def build_and_run_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these rows are to be built here."""
        self._wake(instance_uuids)

    @expose
    def start_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests are to be powered on."""
        self._wake(instance_uuids)

    @expose
    def stop_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests are to be shut down."""
        self._wake(instance_uuids)

    @expose
    def reboot_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests are to be rebooted, softly or hard as the row says."""
        self._wake(instance_uuids)

    @expose
    def pause_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: the CPUs of these guests are to be held."""
        self._wake(instance_uuids)

    @expose
    def unpause_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these paused guests are to run on."""
        self._wake(instance_uuids)

    @expose
    def suspend_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: the memory of these guests is to be put on disk."""
        self._wake(instance_uuids)

    @expose
    def resume_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these suspended guests are to run on."""
        self._wake(instance_uuids)

    @expose
    def rescue_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests are to be booted from another disk."""
        self._wake(instance_uuids)

    @expose
    def unrescue_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests are to be booted from their own disk again."""
        self._wake(instance_uuids)

    @expose
    def rebuild_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests are to be made anew."""
        self._wake(instance_uuids)

    @expose
    def snapshot_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: the disks of these guests are to become images."""
        self._wake(instance_uuids)

    @expose
    def attach_interface(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests get one more interface."""
        self._wake(instance_uuids)

    @expose
    def detach_interface(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests lose an interface."""
        self._wake(instance_uuids)

    @expose
    def terminate_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: these guests are to be destroyed."""
        self._wake(instance_uuids)
