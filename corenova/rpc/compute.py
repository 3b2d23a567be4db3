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
    Step.PAUSE: "pause_instance",
    Step.UNPAUSE: "unpause_instance",
    Step.SUSPEND: "suspend_instance",
    Step.RESUME: "resume_instance",
    Step.RESCUE: "rescue_instance",
    Step.UNRESCUE: "unrescue_instance",
    Step.REBUILD: "rebuild_instance",
    Step.SNAPSHOT: "snapshot_instance",
    Step.ATTACH_INTERFACE: "attach_interface",
    Step.DETACH_INTERFACE: "detach_interface",
    Step.DELETE: "terminate_instance",
}
"""The verb that wakes a compute for a step of the row."""


_ANSWER_S = 20.0


class ComputeAPI:
    """Verbs of the compute. The hints name rows; the compute asks the conductor for the orders."""

    def __init__(self, transport: object):
        self._caller = Caller(transport, TOPIC, namespace=TOPIC)

    def hint(self, address: str, step: str, instance_uuids: Sequence[str]) -> bool:
        """Wake the compute at ``address`` for ``step`` of these instances; False when the hint reached nobody."""
        return self._caller.cast(VERBS[step], server=address, instance_uuids=list(instance_uuids))

    def refresh_security_groups(self, address: str, instance_uuids: Sequence[str]) -> bool:
        """Hint: what may pass the ports of these instances has changed."""
        return self._caller.cast("refresh_security_groups", server=address, instance_uuids=list(instance_uuids))

    def get_console_output(self, address: str, host: str, instance_uuid: str, *, most_bytes: int) -> str:
        """Return the last of what a guest has written to its console.

        :raises Unavailable, NotImplementedByDriver, GuestNotFound, DriverError:
        """
        return self._ask("get_console_output", address, host, instance_uuid, most_bytes=most_bytes)

    def get_console(self, address: str, host: str, instance_uuid: str, *, kind: str) -> dict[str, object]:
        """Return where a console of a guest listens (contracts.driver_abilities.ConsoleAddress); raises as above."""
        return self._ask("get_console", address, host, instance_uuid, kind=kind)

    def screenshot(self, address: str, host: str, instance_uuid: str) -> tuple[str, str]:
        """Return media type and picture (base64) of what a guest's screen shows; raises as above."""
        media_type, picture = self._ask("screenshot", address, host, instance_uuid)
        return media_type, picture

    def get_diagnostics(self, address: str, host: str, instance_uuid: str) -> dict[str, object]:
        """Return a guest's counters (contracts.driver_abilities.Diagnostics); raises as above."""
        return self._ask("get_diagnostics", address, host, instance_uuid)

    def _ask(self, verb: str, address: str, host: str, instance_uuid: str, **arguments: object) -> object:
        return self._caller.call(
            verb, server=address, timeout_s=_ANSWER_S, host=host, instance_uuid=instance_uuid, **arguments
        )

    def list_guests(self, address: str, *, timeout_s: float = 5.0) -> list[HostGuests]:
        """Return what runs on the hosts of this compute; raises Unavailable."""
        return self._caller.call("list_guests", server=address, timeout_s=timeout_s)
