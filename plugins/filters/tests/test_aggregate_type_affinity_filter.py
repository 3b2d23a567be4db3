"""AggregateTypeAffinityFilter."""

import pytest

from corenova_filters.filters.aggregate_type_affinity_filter import AggregateTypeAffinityFilter


@pytest.mark.parametrize(
    ("metadata", "passes"),
    [
        ([], True),
        ([{"ssd": "true"}], True),
        ([{"instance_type": "small"}], True),
        ([{"instance_type": "large"}], False),
        ([{"instance_type": "large, small"}], True),
        ([{"instance_type": "large"}, {"instance_type": "small"}], True),
        ([{"instance_type": "smaller"}], False),
    ],
)
def test_flavor(builders, metadata, passes):
    host, spec = builders.host(aggregates=builders.aggregates(*metadata)), builders.spec(flavor="small")
    assert AggregateTypeAffinityFilter().host_passes(host, spec) is passes
    assert AggregateTypeAffinityFilter().mask(builders.columns(host), spec).tolist() == [passes]
