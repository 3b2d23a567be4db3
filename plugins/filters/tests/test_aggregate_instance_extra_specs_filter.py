"""AggregateInstanceExtraSpecsFilter: which keys speak of aggregates, and when they are met."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.aggregate_instance_extra_specs_filter import AggregateInstanceExtraSpecsFilter

SSD = "aggregate_instance_extra_specs:ssd"


@pytest.mark.parametrize(
    ("extra_specs", "metadata", "passes"),
    [
        ({}, [], True),
        ({SSD: "true"}, [], False),
        ({SSD: "true"}, [{"ssd": "true"}], True),
        ({SSD: "true"}, [{"ssd": "false"}], False),
        ({SSD: "true"}, [{"hdd": "true"}], False),
        ({SSD: "true"}, [{"ssd": "false, true"}], True),
        ({SSD: "true"}, [{"ssd": "false"}, {"ssd": "true"}], True),
        ({"ssd": "true"}, [{"ssd": "true"}], True),
        ({"ssd": "true"}, [], False),
        ({"hw:cpu_policy": "dedicated", "capabilities:ssd": "x"}, [], True),
        ({SSD: ">= 4"}, [{"ssd": "2, 8"}], True),
        ({SSD: ">= 9"}, [{"ssd": "2, 8"}], False),
        ({SSD: "<or> a <or> b"}, [{"ssd": "b"}], True),
        # each by any of the aggregates, all must hold
        ({SSD: "true", "aggregate_instance_extra_specs:gpu": "1"}, [{"ssd": "true"}, {"gpu": "1"}], True),
        ({SSD: "true", "aggregate_instance_extra_specs:gpu": "1"}, [{"ssd": "true"}], False),
        # of one key with and without the scope both must hold
        ({SSD: "a", "ssd": "b"}, [{"ssd": "a"}], False),
        ({"ssd": "b", SSD: "a"}, [{"ssd": "a"}], False),
        ({SSD: "a", "ssd": "b"}, [{"ssd": "a, b"}], True),
        ({"aggregate_instance_extra_specs:a:b": "1"}, [{"a:b": "1"}], True),
    ],
)
def test_extra_specs(extra_specs, metadata, passes):
    host = builders.host(aggregates=metadata)
    spec = builders.request(extra_specs=extra_specs)
    assert AggregateInstanceExtraSpecsFilter().host_passes(host, spec) is passes
    assert AggregateInstanceExtraSpecsFilter().mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_names_the_demand():
    spec = builders.request(extra_specs={SSD: ">= 4"})
    assert "ssd '>= 4'" in AggregateInstanceExtraSpecsFilter().reason(builders.host(), spec)
