"""``nova.scheduler.filters.utils``: small questions about a host's aggregates, and where instances are."""

from collections import defaultdict
from collections.abc import Callable, Iterable


def aggregate_values_from_key(host_state: object, key_name: str) -> set[str]:
    """Return the values that the host's aggregates give to one key, each as it was written."""
    return {a.metadata[key_name] for a in host_state.aggregates if key_name in a.metadata}


def aggregate_metadata_get_by_host(host_state: object, key: str | None = None) -> dict[str, set[str]]:
    """Return the metadata of the host's aggregates, a comma list as several values.

    :param key: look only at aggregates that have this key (their other keys are returned as well).
    """
    found: dict[str, set[str]] = defaultdict(set)
    for aggregate in host_state.aggregates:
        if key is None or key in aggregate.metadata:
            for name, values in aggregate.metadata.items():
                found[name].update(value.strip() for value in values.split(","))
    return found


def validate_num_values(
    vals: Iterable[str], default: object = None, cast_to: Callable = int, based_on: Callable = min
) -> object:
    """Return the smallest (``based_on``) of these numbers, or ``default`` when there are none; ValueError if one is
    no number."""
    numbers = [cast_to(value) for value in vals]
    return based_on(numbers) if numbers else default


def instance_uuids_overlap(host_state: object, uuids: str | Iterable[str]) -> bool:
    """Tell whether one of these instances is on the host. They must be named by a hint of the request."""
    return host_state._has_any([uuids] if isinstance(uuids, str) else list(uuids))
