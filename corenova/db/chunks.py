"""Long lists of values in statements: every database has a limit of bound values, the lowest being 32,766."""

from collections.abc import Collection, Iterator

_MOST = 500  # few enough texts for a driver to keep


def chunks(values: Collection[str]) -> Iterator[list[str]]:
    """Return the values in lists that one statement can take."""
    listed = list(values)
    return (listed[i : i + _MOST] for i in range(0, len(listed), _MOST))
