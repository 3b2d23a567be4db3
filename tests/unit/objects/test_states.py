"""The state machine as tables: held against Nova's, and against themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corenova.contracts.driver import Abilities
from corenova.objects import states
from corenova.objects.states import ACTIONS, ANY_TASK, BUILD_TASKS, SYNC_POWER, VM_STATES, PowerState, Step

SOFT = ("rebooting", "reboot_pending", "reboot_started")
HARD = ("rebooting_hard", "reboot_pending_hard", "reboot_started_hard")
RESIZE = ("resize_prep", "resize_migrating", "resize_migrated", "resize_finish")
REBUILD = ("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning")
TASKS = (
    None, *SOFT, *HARD, *RESIZE, *REBUILD, "updating_password", "migrating", "resize_reverting", "deleting",
    "scheduling", "networking", "block_device_mapping", "spawning", "powering-on", "powering-off", "pausing",
    "unpausing", "suspending", "resuming", "rescuing", "unrescuing", "image_snapshot", "attaching_interface",
    "detaching_interface",
)  # fmt: skip
# Nova's table: status by vm_state, then what a task_state makes of it.
NOVA = {
    "active": ("ACTIVE", {
        **dict.fromkeys(SOFT, "REBOOT"), **dict.fromkeys(HARD, "HARD_REBOOT"), **dict.fromkeys(RESIZE, "RESIZE"),
        **dict.fromkeys(REBUILD, "REBUILD"), "updating_password": "PASSWORD", "migrating": "MIGRATING",
    }),
    "building": ("BUILD", {}),
    "stopped": ("SHUTOFF", {**dict.fromkeys(RESIZE, "RESIZE"), **dict.fromkeys(REBUILD, "REBUILD")}),
    "resized": ("VERIFY_RESIZE", {"resize_reverting": "REVERT_RESIZE"}),
    "paused": ("PAUSED", {"migrating": "MIGRATING"}),
    "suspended": ("SUSPENDED", {}),
    "rescued": ("RESCUE", {}),
    "error": ("ERROR", dict.fromkeys(REBUILD, "REBUILD")),
    "deleted": ("DELETED", {}),
    "soft-delete": ("SOFT_DELETED", {}),
    "shelved": ("SHELVED", {}),
    "shelved_offloaded": ("SHELVED_OFFLOADED", {}),
}  # fmt: skip


@pytest.mark.parametrize("vm_state", VM_STATES)
def test_the_status_is_novas_for_every_pair(vm_state):
    plain, by_task = NOVA[vm_state]
    assert {task: states.status(vm_state, task) for task in TASKS} == {task: by_task.get(task, plain) for task in TASKS}


def test_a_state_that_nobody_knows_has_a_status_too():
    assert states.status("dreaming", None) == "UNKNOWN"


@pytest.mark.parametrize("name", sorted({*(plain for plain, _ in NOVA.values()), "REBOOT", "HARD_REBOOT", "RESIZE"}))
def test_the_states_of_a_status_are_all_that_show_it(name):
    found = states.vm_states_of(name)
    for vm_state in VM_STATES:
        for task in TASKS:
            if states.status(vm_state, task) == name:
                wanted = found[vm_state]
                assert wanted is None or task in wanted


def test_the_states_of_a_status_of_a_task_are_exactly_those_that_show_it():
    for name in ("REBOOT", "HARD_REBOOT", "RESIZE", "REBUILD", "MIGRATING", "PASSWORD", "REVERT_RESIZE"):
        found = states.vm_states_of(name)
        assert found
        for vm_state, tasks in found.items():
            assert {states.status(vm_state, task) for task in tasks} == {name}
    assert states.vm_states_of("ACTIVE") == {"active": None}
    assert states.vm_states_of("NONSENSE") == {}


NOVA_ACTIONS = {
    # step: name, vm_states, task_state set, task_states allowed, end
    Step.START: ("start", {"stopped"}, "powering-on", {None}, "active"),
    Step.STOP: ("stop", {"active", "error"}, "powering-off", {None}, "stopped"),
    Step.REBOOT_SOFT: ("reboot", {"active"}, "rebooting", {None}, "active"),
    Step.REBOOT_HARD: (
        "reboot", {"active", "stopped", "paused", "suspended", "error"}, "rebooting_hard",
        {None, *SOFT, *HARD, "pausing", "unpausing", "suspending", "resuming"}, "active",
    ),
    Step.PAUSE: ("pause", {"active"}, "pausing", {None}, "paused"),
    Step.UNPAUSE: ("unpause", {"paused"}, "unpausing", {None}, "active"),
    Step.SUSPEND: ("suspend", {"active"}, "suspending", {None}, "suspended"),
    Step.RESUME: ("resume", {"suspended"}, "resuming", {None}, "active"),
    Step.RESCUE: ("rescue", {"active", "stopped", "error"}, "rescuing", {None}, "rescued"),
    Step.UNRESCUE: ("unrescue", {"rescued"}, "unrescuing", {None}, "active"),
    Step.CHECK_REBUILD: ("rebuild", {"active", "stopped", "error"}, "rebuilding", {None}, None),
    Step.REBUILD: ("rebuild", {"active", "stopped", "error"}, "rebuilding", {None}, "active"),
    Step.SNAPSHOT: (
        "createImage", {"active", "stopped", "paused", "suspended"}, "image_snapshot", {None}, None,
    ),
    Step.ATTACH_INTERFACE: (
        "attach_interface", {"active", "paused", "stopped"}, "attaching_interface", {None}, None,
    ),
    Step.DETACH_INTERFACE: (
        "detach_interface", {"active", "paused", "stopped"}, "detaching_interface", {None}, None,
    ),
    Step.DELETE: ("delete", set(VM_STATES), "deleting", set(TASKS), "deleted"),
}  # fmt: skip


@pytest.mark.parametrize("step", sorted(ACTIONS))
def test_an_action_is_allowed_in_exactly_novas_states(step):
    name, vm_states, task_state, task_states, end = NOVA_ACTIONS[step]
    action = ACTIONS[step]
    assert (action.step, action.name, action.task_state, action.end_vm_state) == (step, name, task_state, end)
    for vm_state in VM_STATES:
        for task in TASKS:
            allowed = vm_state in vm_states and task in task_states
            assert (states.refusal(action, vm_state, task) is None) == allowed, (vm_state, task)


@pytest.mark.parametrize("step", sorted(ACTIONS))
def test_an_action_row_is_consistent_with_the_other_tables(step):
    action = ACTIONS[step]
    assert (step in Step.AT_COMPUTE) != (step in Step.AT_CONDUCTOR)
    assert set(action.vm_states) <= set(VM_STATES)
    assert action.end_vm_state is None or action.end_vm_state in VM_STATES
    assert not action.ability or hasattr(Abilities, action.ability)
    assert states.event_of(step) == action.event
    if ANY_TASK not in action.task_states:
        # Twice the same request: the second one is refused, or finds work that it may take over (a hard reboot).
        refused = states.refusal(action, (action.vm_states or VM_STATES)[0], action.task_state)
        assert (refused is None) == (step == Step.REBOOT_HARD)


def test_a_refusal_names_the_state_that_is_in_the_way():
    assert states.refusal(ACTIONS[Step.START], "active", None) == "it is in vm_state active"
    assert states.refusal(ACTIONS[Step.START], "stopped", "powering-on") == "it is in task_state powering-on"


def test_every_step_of_a_compute_has_an_event():
    assert len({states.event_of(step) for step in Step.AT_COMPUTE}) == len(Step.AT_COMPUTE) - 1  # both reboots share


@given(path=st.lists(st.sampled_from([*BUILD_TASKS, "deleting", "powering-off"]), max_size=30))
def test_progress_goes_forward_only_and_so_it_ends(path):
    shown = [states.SCHEDULING]
    for told in path:
        if states.may_progress(shown[-1], told):
            shown.append(told)
    places = [BUILD_TASKS.index(task) for task in shown]
    assert places == sorted(set(places))


def test_no_progress_from_or_to_what_is_no_build():
    assert states.may_progress("scheduling", "spawning")
    assert states.may_progress(None, "spawning")
    for old, new in (
        ("spawning", "networking"),
        ("spawning", "spawning"),
        ("deleting", "spawning"),
        (None, "deleting"),
    ):
        assert not states.may_progress(old, new)


def test_power_sync_asks_for_work_that_exists_and_never_where_state_and_guest_agree():
    assert set(SYNC_POWER.values()) <= set(ACTIONS)
    for vm_state, power_state in SYNC_POWER:
        assert vm_state in VM_STATES
        assert power_state in PowerState.NAMES
    agree = {("active", PowerState.RUNNING), ("stopped", PowerState.SHUTDOWN), ("stopped", PowerState.CRASHED),
             ("paused", PowerState.PAUSED), ("active", PowerState.NOSTATE), ("active", PowerState.PAUSED)}  # fmt: skip
    assert agree.isdisjoint(SYNC_POWER)
