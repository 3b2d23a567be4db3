"""Times as the compute API writes them. In the database they are seconds since the epoch, UTC."""

import functools
from datetime import UTC, datetime


@functools.lru_cache(maxsize=8192)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def zulu(seconds: float | None) -> str | None:
    """Return a time with a zone and without fractions: 2026-11-23T04:20:58Z."""
    return None if seconds is None else _second(int(seconds))


@functools.lru_cache(maxsize=8192)
def naive(seconds: float | None) -> str | None:
    """Return a time without a zone and with microseconds, as resources from before 2.1 have it."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
