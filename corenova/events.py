"""Tells hooks and notification listeners what has been committed; services say it once, here."""

from collections.abc import Iterable

from corenova.hooks import Hooks
from corenova.objects.instance import Instance
from corenova.rpc.notifications import Notifier


class Events:
    """The listeners of this process."""

    def __init__(self, hooks: Hooks, notifier: Notifier | None = None):
        self.hooks = hooks
        self._notifier = notifier

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to hear of state changes."""
        return self.hooks.listens("state_changed") or bool(self._notifier and self._notifier.is_on)

    def state_changed(self, changes: Iterable[tuple[Instance, str | None]]) -> None:
        """Tell of (instance as it is now, vm_state before) pairs."""
        for instance, old_vm_state in changes:
            self.hooks.call("state_changed", instance=instance, old_vm_state=old_vm_state)
            if self._notifier is not None:
                self._notifier.state_changed(instance, old_vm_state)
