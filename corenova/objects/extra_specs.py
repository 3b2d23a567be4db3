"""The operators that the value of a flavor's extra spec may begin with; without one it stands for equality.

The API refuses values that no filter can understand. What the operators mean is the business of filters,
and a test among theirs holds the two lists together.
"""

import math
import re

NUMBER = ("=", ">=", "<=", "==", "!=")
TEXT = ("s==", "s!=", "s<", "s<=", "s>", "s>=", "<in>")
EACH = ("<all-in>", "<or>")
OPERATORS = (*NUMBER, *TEXT, *EACH)

_LOOKS_LIKE_ONE = re.compile("s?[=<>!~]")


def fault(requirement: str) -> str:
    """Return what is wrong with the value of an extra spec, as the end of a sentence; empty when nothing is."""
    name, *operands = requirement.split() or [""]
    if name not in OPERATORS:
        unknown = _LOOKS_LIKE_ONE.match(name)
        return f"has the unknown operator '{name}'; there are {' '.join(OPERATORS)}" if unknown else ""
    if not operands:
        return f"has the operator '{name}' and nothing to compare with"
    if name in NUMBER and not _is_number(operands[0]):
        return f"compares numbers with '{name}', and '{operands[0]}' is none"
    if name == "<or>" and (len(operands) % 2 == 0 or any(word != "<or>" for word in operands[1::2])):
        return "must repeat <or> before each of its words"
    return ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
