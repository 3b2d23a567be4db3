"""Tells hooks and notification listeners what has been committed; services say it once, here."""

from collections.abc import Iterable

import msgspec

from corenova.hooks import Hooks
from corenova.objects import states
from corenova.objects.instance import GuestConfig, Instance
from corenova.rpc.notifications import Notifier


class Events:
    """The listeners of this process."""

    def __init__(self, hooks: Hooks, notifier: Notifier | None = None):
        self.hooks = hooks
        self._notifier = notifier

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to hear of state changes."""
        hooks = self.hooks
        return (
            hooks.listens("state_changed")
            or hooks.listens("conductor_delete_post")
            or bool(self._notifier and self._notifier.is_on)
        )

    def state_changed(self, changes: Iterable[tuple[Instance, str | None]]) -> None:
        """Tell of (instance as it is now, vm_state before) pairs."""
        for instance, old_vm_state in changes:
            self.hooks.call("state_changed", instance=instance, old_vm_state=old_vm_state)
            if self._notifier is not None:
                self._notifier.state_changed(instance, old_vm_state)

    def conductor_wrote(self, changes: Iterable[tuple[Instance, str | None]]) -> None:
        """Tell of what a conductor has written: the end of deletes, and each as :meth:`state_changed` does."""
        for change in changes:
            if change[0].vm_state == states.DELETED:
                self.hooks.call("conductor_delete_post", instance=change[0])
            self.state_changed([change])


def without_secrets(instance: Instance) -> Instance:
    """Return an instance of a work order as hooks may see it: without its password, and leave to read its image."""
    return msgspec.structs.replace(instance, boot=None, guest=GuestConfig())
