"""What the aggregates of a host say under one key, for the filters that let operators decide by aggregate.

A host may be in several aggregates, and a value may be a list parted by commas: what they say is the union of it all.
"""

from collections.abc import Iterable

from corenova.objects.host_state import Aggregate


def listed(aggregates: Iterable[Aggregate], key: str) -> set[str]:
    """Return the entries of all values under ``key``; empty when no aggregate has the key."""
    return {
        entry.strip()
        for aggregate in aggregates
        if key in aggregate.metadata
        for entry in aggregate.metadata[key].split(",")
    }


def merged(aggregates: Iterable[Aggregate]) -> dict[str, set[str]]:
    """Return the entries of all values under each key that some aggregate has."""
    found: dict[str, set[str]] = {}
    for aggregate in aggregates:
        for key, value in aggregate.metadata.items():
            found.setdefault(key, set()).update(entry.strip() for entry in value.split(","))
    return found


def smallest(aggregates: Iterable[Aggregate], key: str, default: int) -> int:
    """Return the smallest number under ``key``, or ``default`` when there is none.

    What is no number is left out: a slip in one aggregate must not take its hosts out of service.
    """
    numbers = []
    for aggregate in aggregates:
        try:
            numbers.append(int(aggregate.metadata[key]))
        except (KeyError, ValueError):
            continue
    return min(numbers, default=default)
