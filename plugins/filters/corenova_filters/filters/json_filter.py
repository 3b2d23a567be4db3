"""JsonFilter: the user writes the condition, as a JSON expression over the facts of a host.

The hint ``query`` is a text such as ``["and", [">=", "$free_ram_mb", 4096], ["=", "$hypervisor_type", "QEMU"]]``: an
operator and its arguments, which may be expressions; ``$free_ram_mb`` is an attribute of HostState, ``$cpu_info.model``
an entry of one. It lets users ask about hosts, so switch it on among friends only.
"""

import functools
import json
import operator
from collections.abc import Callable

from corenova.objects import json_query
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import host_facts

HINT = "query"


def _with_each(compare: Callable[[object, object], bool]) -> Callable[[list], bool]:
    """Return an operator that holds when ``compare`` does for the first argument and each of the others."""

    def holds(arguments: list) -> bool:
        first, *others = arguments or [None]
        try:
            return bool(others) and all(compare(first, other) for other in others)
        except TypeError:  # text and number have no order
            return False

    return holds


OPERATORS: dict[str, Callable[[list], bool]] = {
    "=": _with_each(operator.eq),
    "<": _with_each(operator.lt),
    ">": _with_each(operator.gt),
    "<=": _with_each(operator.le),
    ">=": _with_each(operator.ge),
    "in": lambda arguments: len(arguments) > 1 and arguments[0] in arguments[1:],
    "not": lambda arguments: any(not argument for argument in arguments),
    "or": any,
    "and": all,
}


class JsonFilter:
    """Pass hosts for which the hint ``query`` is true."""

    contract_version = (1, 0)

    def applies(self, spec: RequestSpec) -> bool:
        """Return True when the hint is given."""
        return bool(spec.get_scheduler_hint(HINT))

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the query is true of the host, or there is none."""
        if not self.applies(spec):
            return True
        query, fault = _parse(spec.get_scheduler_hint(HINT))
        return not fault and _is_true(query, host_state)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say that the query is not true, or what is wrong with it."""
        _, fault = _parse(spec.get_scheduler_hint(HINT))
        return f"The hint {HINT} {fault}." if fault else f"The hint {HINT} is not true of it."


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[object, str]:
    try:
        query = json.loads(text)
    except (ValueError, RecursionError):
        return None, "is no JSON"
    return query, json_query.fault(query)


def _parse(hint: object) -> tuple[object, str]:
    """Return the expression, and what is wrong with it or an empty text."""
    return _parsed(hint) if isinstance(hint, str) else (None, "is no text")


def _is_true(query: list, host_state: HostState) -> bool:
    """Tell whether the expression is true of this host; an empty one is. Facts that it has not are left out."""
    if not query:
        return True
    arguments = [_argument(part, host_state) for part in query[1:]]
    return OPERATORS[query[0]]([argument for argument in arguments if argument is not None])


def _argument(part: object, host_state: HostState) -> object:
    if isinstance(part, list):
        return _is_true(part, host_state)
    if isinstance(part, str) and part.startswith("$"):
        return host_facts.look_up(host_state, part[1:].split("."))
    return part
