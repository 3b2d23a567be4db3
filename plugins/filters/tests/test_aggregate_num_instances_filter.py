"""AggregateNumInstancesFilter: aggregates win over the option, the smallest of several."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.aggregate_num_instances_filter import AggregateNumInstancesFilter

KEY = "max_instances_per_host"


@pytest.mark.parametrize(
    ("metadata", "limit"),
    [
        ([], 5),
        ([{}], 5),
        ([{KEY: "2"}], 2),
        ([{KEY: "9"}], 9),
        ([{KEY: "9"}, {KEY: "7"}], 7),
        ([{KEY: "many"}], 5),
        ([{KEY: "many"}, {KEY: "7"}], 7),
    ],
)
def test_limit(metadata, limit):
    plugin, spec = (
        builders.configured(AggregateNumInstancesFilter, f"[filter_scheduler]\n{KEY} = 5"),
        builders.request(),
    )
    states = [builders.host(f"h{number}", num_instances=number, aggregates=metadata) for number in (limit - 1, limit)]
    assert [plugin.host_passes(state, spec) for state in states] == [True, False]
    assert plugin.mask(builders.columns(states), spec).tolist() == [True, False]
    assert f"limit is {limit}" in plugin.reason(states[1], spec)
