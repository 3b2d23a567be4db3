"""Actions on servers: each is a row of the action table in routes.py and a few lines here."""

from corenova.api.call import Call
from corenova.objects.states import Step


def start(call: Call, server_id: str) -> None:
    """os-start."""
    call.services.instance_actions.request(call.context, server_id, Step.START)


def stop(call: Call, server_id: str) -> None:
    """os-stop."""
    call.services.instance_actions.request(call.context, server_id, Step.STOP)


def reboot(call: Call, server_id: str) -> None:
    """Reboot, softly through the guest or hard as if by the power switch."""
    step = Step.REBOOT_HARD if call.body["reboot"]["type"].upper() == "HARD" else Step.REBOOT_SOFT
    call.services.instance_actions.request(call.context, server_id, step)


def reset_state(call: Call, server_id: str) -> None:
    """os-resetState."""
    call.services.instance_actions.reset_state(call.context, server_id, call.body["os-resetState"]["state"])
