"""Numbers known by the name of a host, as a column: for weighers of what the request brings along (its group ...)."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from corenova.contracts.filter import HostColumns


def column(hosts: HostColumns, values: Mapping[str, float]) -> np.ndarray:
    """Return the value of each host (float64), 0.0 where ``values`` does not name it.

    Few hosts are named and many are there, so the names are looked up, not the hosts gone through.
    """
    named: dict[float, list[str]] = defaultdict(list)
    for host, value in values.items():
        named[value].append(host)
    found = np.zeros(len(hosts))
    for value, names in named.items():
        found[hosts.rows(names)] = value
    return found
