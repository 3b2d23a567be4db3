"""``nova.scheduler.filters.extra_specs_ops``: the language of extra spec values."""

from corenova.contracts.extra_specs_ops import matches


def match(value: object, req: str | None) -> bool:
    """Tell whether a fact of a host meets the value of an extra spec; no value is met by nothing."""
    return req is not None and matches(str(value), req)
