"""AggregateTypeAffinityFilter."""

import pytest

from corenova.testing import builders
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
def test_flavor(metadata, passes):
    host, spec = builders.host(aggregates=metadata), builders.request(flavor_name="small")
    assert AggregateTypeAffinityFilter().host_passes(host, spec) is passes
    assert AggregateTypeAffinityFilter().mask(builders.columns([host]), spec).tolist() == [passes]
