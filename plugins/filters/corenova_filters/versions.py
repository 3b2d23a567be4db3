"""Hypervisor versions: an image may ask for a range such as ``>=6.0, <8.2``, a host reports one number.

Used by ImagePropertiesFilter alone; apart from it because the two notations deserve their own tests.
"""

import functools
import operator
import re

Version = tuple[int, int, int]

_COMPARE = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_TERM = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\s*")


def from_number(number: int) -> Version:
    """Return the three parts of a version in the notation of libvirt and Nova: 6002001 is 6.2.1."""
    return number // 1_000_000, number // 1_000 % 1_000, number % 1_000


def satisfies(number: int, wanted: str) -> bool:
    """Tell whether the version ``number`` meets every comma-separated term of ``wanted``.

    A range that cannot be understood is met by no version: a user wrote it, so it must not raise.
    """
    terms = _parse(wanted)
    return terms is not None and all(compare(from_number(number), version) for compare, version in terms)


@functools.lru_cache(maxsize=256)
def _parse(wanted: str) -> tuple | None:
    """Return (comparison, version) pairs, or None when one of the terms is not understood."""
    found = [_TERM.fullmatch(term) for term in wanted.split(",")]
    if not all(found):
        return None
    return tuple((_COMPARE[term[1]], (int(term[2]), int(term[3] or 0), int(term[4] or 0))) for term in found)
