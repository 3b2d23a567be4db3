"""AggregateMultiTenancyIsolation: aggregates that name projects, and those that name none."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.aggregate_multi_tenancy_isolation import AggregateMultiTenancyIsolation


@pytest.mark.parametrize(
    ("metadata", "passes"),
    [
        ([], True),
        ([{"ssd": "true"}], True),
        ([{"filter_tenant_id": "me"}], True),
        ([{"filter_tenant_id": "other"}], False),
        ([{"filter_tenant_id": "other, me"}], True),
        ([{"filter_tenant_id": "other", "filter_tenant_id_2": "me"}], True),
        ([{"filter_tenant_id7": "other"}], False),
        ([{"filter_tenant_id": "other"}, {"filter_tenant_id": "me"}], True),
        ([{"filter_tenant_id": "other"}, {}], False),
        ([{"filter_tenant_id": "me-too"}], False),
    ],
)
def test_tenants(metadata, passes):
    host, spec = builders.host(aggregates=metadata), builders.request(project_id="me")
    assert AggregateMultiTenancyIsolation().host_passes(host, spec) is passes
    assert AggregateMultiTenancyIsolation().mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_names_no_other_project():
    host = builders.host(aggregates=[{"filter_tenant_id": "secret"}])
    assert "secret" not in AggregateMultiTenancyIsolation().reason(host, builders.request())
