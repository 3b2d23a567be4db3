"""The language of flavor extra spec values: an operator, then operands; without an operator, plain equality.

Filters that compare extra specs with facts of a host share this module, ours and those written for Nova, and the API
refuses what has no meaning here. A requirement is parsed once and kept, since the same few flavors are asked for over
and over while every decision compares them with many hosts.

========================  ==================================================================
``= >= <= == !=``         numbers; ``=`` means "at least", as it does in Nova
``s== s!= s< s<= s> s>=``  text, in the order of its code points
``<in> word``             the word occurs in the value
``<all-in> word word``    every word occurs in the value
``<or> word <or> word``   the value equals one of the words
========================  ==================================================================
"""

import functools
import math
import operator
import re
from collections.abc import Callable

Predicate = Callable[[str], bool]

_NUMBER: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
    "<in>": operator.contains,
}
OPERATORS = (*_NUMBER, *_TEXT, "<all-in>", "<or>")
_LOOKS_LIKE_ONE = re.compile("s?[=<>!~]")


def matches(value: str, requirement: str) -> bool:
    """Tell whether ``value``, a fact of a host as text, meets ``requirement``, the value of an extra spec.

    A requirement that cannot be understood (an operator without operand, a number that is none) is met by nothing: the
    text comes from people, so it must not raise and take the filter down with it.
    """
    return parse(requirement)(value)


@functools.lru_cache(maxsize=4096)
def parse(requirement: str) -> Predicate:
    """Return the test that ``requirement`` stands for."""
    name, *operands = requirement.split() or [""]
    if name == "<or>":
        choices = frozenset(operands[::2])
        return choices.__contains__
    if name == "<all-in>":
        return (lambda value: all(word in value for word in operands)) if operands else _nothing
    if name in _NUMBER:
        return _number_test(_NUMBER[name], operands)
    if name in _TEXT:
        compare = _TEXT[name]
        return (lambda value: compare(value, operands[0])) if operands else _nothing
    return requirement.__eq__


def _number_test(compare: Callable[[float, float], bool], operands: list[str]) -> Predicate:
    try:
        wanted = float(operands[0])
    except (IndexError, ValueError):
        return _nothing

    def test(value: str) -> bool:
        try:
            return compare(float(value), wanted)
        except ValueError:
            return False

    return test


def _nothing(_value: str) -> bool:
    return False


def fault(requirement: str) -> str:
    """Return why nothing can meet ``requirement``, as the end of a sentence; empty when something can."""
    name, *operands = requirement.split() or [""]
    if name not in OPERATORS:
        unknown = _LOOKS_LIKE_ONE.match(name)
        return f"has the unknown operator '{name}'; there are {' '.join(OPERATORS)}" if unknown else ""
    if not operands:
        return f"has the operator '{name}' and nothing to compare with"
    if name in _NUMBER and not _is_number(operands[0]):
        return f"compares numbers with '{name}', and '{operands[0]}' is none"
    if name == "<or>" and (len(operands) % 2 == 0 or any(word != "<or>" for word in operands[1::2])):
        return "must repeat <or> before each of its words"
    return ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
