"""The state machine of an instance: three separate states, the moves an API action makes, and the status it shows.

Pure tables (Nova's meaning): ``vm_state`` is what the instance is, ``task_state`` what is being done to it,
``power_state`` what the hypervisor last said. The API guards with :data:`ACTIONS`, the conductor with
:func:`may_progress`; nobody writes a state that these tables do not allow.
"""

import msgspec

ACTIVE = "active"
BUILDING = "building"
PAUSED = "paused"
SUSPENDED = "suspended"
STOPPED = "stopped"
RESCUED = "rescued"
RESIZED = "resized"
SOFT_DELETED = "soft-delete"
DELETED = "deleted"
ERROR = "error"
SHELVED = "shelved"
SHELVED_OFFLOADED = "shelved_offloaded"
VM_STATES = (
    ACTIVE, BUILDING, PAUSED, SUSPENDED, STOPPED, RESCUED, RESIZED, SOFT_DELETED, DELETED, ERROR, SHELVED,
    SHELVED_OFFLOADED,
)  # fmt: skip

SCHEDULING = "scheduling"
NETWORKING = "networking"
BLOCK_DEVICE_MAPPING = "block_device_mapping"
SPAWNING = "spawning"
POWERING_ON = "powering-on"
POWERING_OFF = "powering-off"
REBOOTING = "rebooting"
REBOOT_PENDING = "reboot_pending"
REBOOT_STARTED = "reboot_started"
REBOOTING_HARD = "rebooting_hard"
REBOOT_PENDING_HARD = "reboot_pending_hard"
REBOOT_STARTED_HARD = "reboot_started_hard"
PAUSING = "pausing"
UNPAUSING = "unpausing"
SUSPENDING = "suspending"
RESUMING = "resuming"
RESCUING = "rescuing"
UNRESCUING = "unrescuing"
REBUILDING = "rebuilding"
IMAGE_SNAPSHOT = "image_snapshot"
ATTACHING_INTERFACE = "attaching_interface"
DETACHING_INTERFACE = "detaching_interface"
DELETING = "deleting"

BUILD_TASKS = (SCHEDULING, None, NETWORKING, BLOCK_DEVICE_MAPPING, SPAWNING)
"""The task states of a build in order; progress may skip some (reports are coalesced) but never goes back."""

_SOFT_REBOOT = (REBOOTING, REBOOT_PENDING, REBOOT_STARTED)
_HARD_REBOOT = (REBOOTING_HARD, REBOOT_PENDING_HARD, REBOOT_STARTED_HARD)


class PowerState:
    """What the hypervisor says, with Nova's numbers (2 and 5 are unused)."""

    NOSTATE = 0
    RUNNING = 1
    PAUSED = 3
    SHUTDOWN = 4
    CRASHED = 6
    SUSPENDED = 7

    NAMES = {0: "pending", 1: "running", 3: "paused", 4: "shutdown", 6: "crashed", 7: "suspended"}


class Step:
    """The work that a row carries (``instances.step``); None when nothing is to be done. See db/work.py."""

    SCHEDULE = "schedule"
    BUILD = "build"
    START = "start"
    STOP = "stop"
    REBOOT_SOFT = "reboot_soft"
    REBOOT_HARD = "reboot_hard"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESCUE = "rescue"
    UNRESCUE = "unrescue"
    CHECK_REBUILD = "check_rebuild"
    REBUILD = "rebuild"
    SNAPSHOT = "snapshot"
    ATTACH_INTERFACE = "attach_interface"
    DETACH_INTERFACE = "detach_interface"
    DELETE = "delete"

    AT_CONDUCTOR = (SCHEDULE, CHECK_REBUILD)
    AT_COMPUTE = (
        BUILD, START, STOP, REBOOT_SOFT, REBOOT_HARD, PAUSE, UNPAUSE, SUSPEND, RESUME, RESCUE, UNRESCUE, REBUILD,
        SNAPSHOT, ATTACH_INTERFACE, DETACH_INTERFACE, DELETE,
    )  # fmt: skip


ANY_TASK = object()


class Action(msgspec.Struct, frozen=True):
    """One row of the action table: what the API checks and writes when a user asks for an action.

    :param name: the instance action that is recorded (Nova's name).
    :param step: the work that the row then carries.
    :param vm_states: vm_states in which the action is allowed; empty means any.
    :param task_state: the task_state that the API sets.
    :param task_states: task_states in which the action is allowed.
    :param end_vm_state: the vm_state after success; None: the one before.
    :param event: the event that the compute's part is recorded under (Nova's name).
    :param ability: what the driver of the host must be able to do (a flag of contracts.driver.Abilities); empty:
        nothing that not every driver can.
    """

    name: str
    step: str
    vm_states: tuple[str, ...]
    task_state: str
    task_states: tuple
    end_vm_state: str | None
    event: str
    ability: str = ""


_IDLE = (None,)
_REBUILDABLE = (ACTIVE, STOPPED, ERROR)
_PLUGGABLE = (ACTIVE, PAUSED, STOPPED)
_BY_STEP: tuple[Action, ...] = (
    Action("start", Step.START, (STOPPED,), POWERING_ON, _IDLE, ACTIVE, "compute_start_instance"),
    Action("stop", Step.STOP, (ACTIVE, ERROR), POWERING_OFF, _IDLE, STOPPED, "compute_stop_instance"),
    Action(
        "reboot",
        Step.REBOOT_SOFT,
        (ACTIVE,),
        REBOOTING,
        _IDLE,
        ACTIVE,
        "compute_reboot_instance",
        "supports_soft_reboot",
    ),
    Action(
        "reboot",
        Step.REBOOT_HARD,
        (ACTIVE, STOPPED, PAUSED, SUSPENDED, ERROR),
        REBOOTING_HARD,
        (None, *_SOFT_REBOOT, *_HARD_REBOOT, RESUMING, PAUSING, UNPAUSING, SUSPENDING),
        ACTIVE,
        "compute_reboot_instance",
    ),
    Action("pause", Step.PAUSE, (ACTIVE,), PAUSING, _IDLE, PAUSED, "compute_pause_instance", "supports_pause"),
    Action("unpause", Step.UNPAUSE, (PAUSED,), UNPAUSING, _IDLE, ACTIVE, "compute_unpause_instance", "supports_pause"),
    Action(
        "suspend", Step.SUSPEND, (ACTIVE,), SUSPENDING, _IDLE, SUSPENDED, "compute_suspend_instance", "supports_suspend"
    ),
    Action("resume", Step.RESUME, (SUSPENDED,), RESUMING, _IDLE, ACTIVE, "compute_resume_instance", "supports_suspend"),
    Action(
        "rescue",
        Step.RESCUE,
        (ACTIVE, STOPPED, ERROR),
        RESCUING,
        _IDLE,
        RESCUED,
        "compute_rescue_instance",
        "supports_rescue",
    ),
    Action(
        "unrescue", Step.UNRESCUE, (RESCUED,), UNRESCUING, _IDLE, ACTIVE, "compute_unrescue_instance", "supports_rescue"
    ),
    Action("rebuild", Step.CHECK_REBUILD, _REBUILDABLE, REBUILDING, _IDLE, None, "conductor_rebuild_instance"),
    Action("rebuild", Step.REBUILD, _REBUILDABLE, REBUILDING, _IDLE, ACTIVE, "compute_rebuild_instance"),
    Action(
        "createImage",
        Step.SNAPSHOT,
        (ACTIVE, STOPPED, PAUSED, SUSPENDED),
        IMAGE_SNAPSHOT,
        _IDLE,
        None,
        "compute_snapshot_instance",
        "supports_snapshot",
    ),
    Action(
        "attach_interface",
        Step.ATTACH_INTERFACE,
        _PLUGGABLE,
        ATTACHING_INTERFACE,
        _IDLE,
        None,
        "compute_attach_interface",
        "supports_attach_interface",
    ),
    Action(
        "detach_interface",
        Step.DETACH_INTERFACE,
        _PLUGGABLE,
        DETACHING_INTERFACE,
        _IDLE,
        None,
        "compute_detach_interface",
        "supports_attach_interface",
    ),
    Action("delete", Step.DELETE, (), DELETING, (ANY_TASK,), DELETED, "compute_terminate_instance"),
)
ACTIONS = {action.step: action for action in _BY_STEP}
BUILD_EVENT = "compute__do_build_and_run_instance"
SCHEDULE_EVENT = "conductor_schedule_and_build_instances"


def event_of(step: str) -> str:
    """Return the name of the action event under which the compute's part of ``step`` is recorded."""
    return BUILD_EVENT if step == Step.BUILD else ACTIONS[step].event


def refusal(action: Action, vm_state: str, task_state: str | None) -> str | None:
    """Return None when ``action`` is allowed in these states, else the sentence that tells the user why not."""
    if action.vm_states and vm_state not in action.vm_states:
        return f"it is in vm_state {vm_state}"
    if ANY_TASK not in action.task_states and task_state not in action.task_states:
        return f"it is in task_state {task_state}"
    return None


def may_progress(old: str | None, new: str | None) -> bool:
    """Tell whether a build's task_state may move from ``old`` to ``new``: forward along BUILD_TASKS only."""
    return old in BUILD_TASKS and new in BUILD_TASKS and BUILD_TASKS.index(new) > BUILD_TASKS.index(old)


_STATUS_BY_TASK: dict[str, dict[str | None, str]] = {
    ACTIVE: {
        **dict.fromkeys(_SOFT_REBOOT, "REBOOT"),
        **dict.fromkeys(_HARD_REBOOT, "HARD_REBOOT"),
        "updating_password": "PASSWORD",
        **dict.fromkeys(("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), "REBUILD"),
        "migrating": "MIGRATING",
        **dict.fromkeys(("resize_prep", "resize_migrating", "resize_migrated", "resize_finish"), "RESIZE"),
    },
    STOPPED: {
        **dict.fromkeys(("resize_prep", "resize_migrating", "resize_migrated", "resize_finish"), "RESIZE"),
        **dict.fromkeys(("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), "REBUILD"),
    },
    RESIZED: {"resize_reverting": "REVERT_RESIZE"},
    PAUSED: {"migrating": "MIGRATING"},
    ERROR: dict.fromkeys(("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), "REBUILD"),
}
STATUS = {
    ACTIVE: "ACTIVE",
    BUILDING: "BUILD",
    STOPPED: "SHUTOFF",
    RESIZED: "VERIFY_RESIZE",
    PAUSED: "PAUSED",
    SUSPENDED: "SUSPENDED",
    RESCUED: "RESCUE",
    ERROR: "ERROR",
    DELETED: "DELETED",
    SOFT_DELETED: "SOFT_DELETED",
    SHELVED: "SHELVED",
    SHELVED_OFFLOADED: "SHELVED_OFFLOADED",
}


def status(vm_state: str, task_state: str | None) -> str:
    """Return the status that the API shows for this pair (Nova's table; UNKNOWN for what it does not name)."""
    return _STATUS_BY_TASK.get(vm_state, {}).get(task_state) or STATUS.get(vm_state, "UNKNOWN")


def vm_states_of(status_name: str) -> dict[str, tuple[str | None, ...] | None]:
    """Return, for a status filter, the vm_states to look for, each with its task_states (None: all others).

    Empty for a name that is no status.
    """
    found: dict[str, tuple[str | None, ...] | None] = {}
    for vm_state, name in STATUS.items():
        if name == status_name:
            found[vm_state] = None
    for vm_state, tasks in _STATUS_BY_TASK.items():
        matching = tuple(task for task, name in tasks.items() if name == status_name)
        if matching and vm_state not in found:
            found[vm_state] = matching
    return found


SYNC_POWER = {
    (ACTIVE, PowerState.SHUTDOWN): Step.STOP,
    (ACTIVE, PowerState.CRASHED): Step.STOP,
    (ACTIVE, PowerState.SUSPENDED): Step.STOP,
    (STOPPED, PowerState.RUNNING): Step.STOP,
    (STOPPED, PowerState.PAUSED): Step.STOP,
    (STOPPED, PowerState.SUSPENDED): Step.STOP,
    (PAUSED, PowerState.SHUTDOWN): Step.STOP,
    (PAUSED, PowerState.CRASHED): Step.STOP,
}
"""What the power sync asks for when no task runs: the row is brought in line with the guest (Nova's table)."""
