"""What one can ask of a compute; its side of the wire is compute/manager.py.

A compute process may serve many hosts: messages go to its address, and one message may name instances of several.
"""

from collections.abc import Sequence

from corenova.objects.states import Step
from corenova.objects.work import HostGuests
from corenova.rpc.transport import Caller

TOPIC = "compute"
VERBS = {
    Step.BUILD: "build_and_run_instance",
    Step.START: "start_instance",
    Step.STOP: "stop_instance",
    Step.REBOOT_SOFT: "reboot_instance",
    Step.REBOOT_HARD: "reboot_instance",
    Step.DELETE: "terminate_instance",
}
"""The verb that wakes a compute for a step of the row."""


class ComputeAPI:
    """Verbs of the compute. The hints name rows; the compute asks the conductor for the orders."""

    def __init__(self, transport: object):
        self._caller = Caller(transport, TOPIC, namespace=TOPIC)

    def hint(self, address: str, step: str, instance_uuids: Sequence[str]) -> bool:
        """Wake the compute at ``address`` for ``step`` of these instances; False when the hint reached nobody."""
        return self._caller.cast(VERBS[step], server=address, instance_uuids=list(instance_uuids))

    def list_guests(self, address: str, *, timeout_s: float = 5.0) -> list[HostGuests]:
        """Return what runs on the hosts of this compute; raises Unavailable."""
        return self._caller.call("list_guests", server=address, timeout_s=timeout_s)
