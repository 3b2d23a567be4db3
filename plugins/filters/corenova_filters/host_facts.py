"""A fact of a host by its path, as people write it in extra specs and queries: cpu_info, topology, cores."""

from collections.abc import Iterable, Mapping

from corenova.objects.host_state import HostState


def look_up(host_state: HostState, path: Iterable[str]) -> object:
    """Return the fact at ``path``, or None when there is none.

    The first step is an attribute of HostState. Methods and what begins with an underscore are no facts: the path
    comes from tenants, too.
    """
    value: object = host_state
    for name in path:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif name.startswith("_"):
            return None
        else:
            value = getattr(value, name, None)
        if value is None or callable(value):
            return None
    return value
