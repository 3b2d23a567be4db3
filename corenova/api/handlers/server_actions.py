"""Actions on servers: each is a row of the action table in routes.py and a few lines here.

An action that is more than a step has a file of its own: server_rebuild.py, server_images.py, server_consoles.py.
"""

import secrets
from collections.abc import Callable

from corenova.api.call import Call
from corenova.exceptions import InvalidInput, NotFound
from corenova.objects.states import Step
from corenova.objects.work import StepArgs


def _asking_for(step: str, words: str) -> Callable[[Call, str], None]:
    def act(call: Call, server_id: str) -> None:
        call.services.instance_actions.request(call.context, server_id, step)

    act.__doc__ = words
    return act


start = _asking_for(Step.START, "os-start.")
stop = _asking_for(Step.STOP, "os-stop.")
pause = _asking_for(Step.PAUSE, "Hold the CPUs of a server.")
unpause = _asking_for(Step.UNPAUSE, "Let a paused server run on.")
suspend = _asking_for(Step.SUSPEND, "Put the memory of a server on disk.")
resume = _asking_for(Step.RESUME, "Let a suspended server run on.")
unrescue = _asking_for(Step.UNRESCUE, "Boot a server from its own disk again.")


def reboot(call: Call, server_id: str) -> None:
    """Reboot, softly through the guest or hard as if by the power switch."""
    step = Step.REBOOT_HARD if call.body["reboot"]["type"].upper() == "HARD" else Step.REBOOT_SOFT
    call.services.instance_actions.request(call.context, server_id, step)


def rescue(call: Call, server_id: str) -> dict[str, object]:
    """Boot a server from a rescue image, or its own image anew, with its disk beside it."""
    asked = call.body["rescue"] or {}
    password = asked.get("adminPass") or secrets.token_urlsafe(9)
    image_id, image = asked.get("rescue_image_ref"), None
    if image_id:
        try:
            image = call.services.find_image(image_id, call.context.project_id, is_admin=call.context.is_admin)
        except NotFound as error:
            raise InvalidInput(str(error)) from None
    args = StepArgs(image=image, admin_pass=password)
    call.services.instance_actions.request(call.context, server_id, Step.RESCUE, prepare=lambda connection, row: args)
    return {"adminPass": password}


def reset_state(call: Call, server_id: str) -> None:
    """os-resetState."""
    call.services.instance_actions.reset_state(call.context, server_id, call.body["os-resetState"]["state"])
