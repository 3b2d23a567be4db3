"""Calls of hooks for tests: every hook with facts that it may be told, and a call that waits no longer than allowed."""

import itertools
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pluggy
from hypothesis import strategies as st
from oslo_config import cfg
from pluggy import HookImpl

from corenova.contracts.hooks import PROJECT, HookSpecs
from corenova.hooks import HOOKS
from corenova.objects.context import RequestContext
from corenova.objects.instance import Instance
from corenova.testing.builders import instance, request

_UUID = "22222222-2222-4222-8222-222222222222"
_SERVER = instance(uuid=_UUID, host="h1", vm_state="active")
_CONTEXT = RequestContext(
    request_id="req-33333333-3333-4333-8333-333333333333", user_id="u", project_id="p", roles=("member", "reader")
)
_FACTS: dict[str, tuple[object, ...]] = {
    "conf": (cfg.ConfigOpts(),),
    "context": (_CONTEXT,),
    "spec": (request(image={}),),
    "count": (1,),
    "usage": (lambda: {"instances": 3, "cores": 6, "ram": 1536},),
    "instances": ((_SERVER,),),
    "instance": (_SERVER,),
    "instance_uuids": ((_UUID,),),
    "instance_uuid": (_UUID,),
    "hosts": ({_UUID: "h1"}, {_UUID: None}),
    "host": ("h1",),
    "reason": ("No valid host was found.",),
    "error": (None, "The image is too large."),
    "old_vm_state": (None, "building"),
    "binary": ("nova-compute",),
}
"""Values of the arguments, which mean the same in every hook."""


def facts(hook: str) -> Iterator[dict[str, Any]]:
    """Yield arguments for a call of ``hook``, in every combination that tells something new."""
    names = HOOKS[hook]
    for values in itertools.product(*(_FACTS[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def instances() -> st.SearchStrategy[Instance]:
    """Return servers as a veto of their delete may meet them."""
    return st.builds(
        instance,
        st.sampled_from(["vm", "precious", ""]),
        vm_state=st.sampled_from(["active", "building", "error", "stopped"]),
        host=st.sampled_from([None, "h1"]),
        project_id=st.sampled_from(["p", "q"]),
        metadata=st.dictionaries(st.sampled_from(["keep", "owner"]), st.sampled_from(["", "yes"]), max_size=2),
    )


def implementations(plugin: object) -> dict[str, HookImpl]:
    """Return what a plug-in implements, by hook.

    :raises pluggy.PluginValidationError: a hook or an argument that does not exist.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    manager.register(plugin)
    manager.check_pending()
    found = {name: getattr(manager.hook, name).get_hookimpls() for name in HOOKS}
    return {name: one[0] for name, one in found.items() if one}


def call(implementation: HookImpl, arguments: Mapping[str, Any], *, within_s: float | None) -> Any:
    """Call an implementation with those of the arguments that it takes, and return its answer.

    :param within_s: how long a service would wait for it, in seconds; None: as long as it takes.
    :raises AssertionError: it has not come back by then; its thread is left alone.
    """
    chosen = [arguments[name] for name in implementation.argnames]
    if within_s is None:
        return implementation.function(*chosen)
    answers: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(implementation.function(*chosen))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(within_s)
    assert not thread.is_alive(), f"it has not come back within {within_s:g} s, and counts as hanging"
    if errors:
        raise errors[0]
    return answers[0]
