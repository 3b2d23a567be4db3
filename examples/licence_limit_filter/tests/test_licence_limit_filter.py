"""LicenceLimitFilter: the contract, a table of hosts and requests, and a batch of servers in a cloud."""

import pytest
from hypothesis import strategies as st
from licence_limit_filter import LicenceLimitFilter

from corenova.objects.request_spec import Flavor
from corenova.testing.builders import host, request
from corenova.testing.suites import FilterSuite

NEEDED = {"licence:product": "sql"}
LICENCES = [
    {"licence_product": "sql"},
    {"licence_product": "sql", "licence_servers": "2"},
    {"licence_product": "sql", "licence_cores": "8"},
    {"licence_product": "sql", "licence_servers": "many"},
    {"licence_product": "win"},
]


class TestContract(FilterSuite):
    plugin = LicenceLimitFilter
    hosts = st.builds(
        host,
        st.sampled_from(["h0", "h1", "h2"]),
        vcpus=st.sampled_from([4, 8, 16]),
        num_instances=st.integers(0, 3),
        aggregates=st.dictionaries(st.sampled_from("ab"), st.sampled_from(LICENCES)),
    )
    requests = st.builds(
        request,
        extra_specs=st.sampled_from([{}, NEEDED]),
        image=st.sampled_from([None, {}, {"licence_product": "win"}]),
        is_rebuild=st.booleans(),
    )


@pytest.mark.parametrize(
    ("licence", "servers", "asked", "why"),
    [
        ({}, 0, {}, None),
        ({}, 0, {"extra_specs": NEEDED}, "no licence of sql"),
        ({}, 0, {"image": {"licence_product": "sql"}}, "no licence of sql"),
        (LICENCES[0], 99, {"extra_specs": NEEDED}, None),
        (LICENCES[0], 0, {"image": {"licence_product": "sql"}}, None),
        (LICENCES[0], 0, {}, "kept for servers with a licence of sql"),
        (LICENCES[0], 0, {"image": {"licence_product": "win"}}, "no licence of win"),
        (LICENCES[0], 0, {"extra_specs": NEEDED, "image": {"licence_product": "win"}}, None),
        (LICENCES[1], 1, {"extra_specs": NEEDED}, None),
        (LICENCES[1], 2, {"extra_specs": NEEDED}, "allows 2 servers, not 3"),
        (LICENCES[1], 2, {"extra_specs": NEEDED, "is_rebuild": True}, None),
        (LICENCES[2], 0, {"extra_specs": NEEDED}, "allows 8 cores, not 16"),
        (LICENCES[3], 0, {"extra_specs": NEEDED}, "licence_servers = many, which is no number"),
    ],
)
def test_who_may_run_where(licence, servers, asked, why):
    state = host(vcpus=16, num_instances=servers, aggregates={"licensed": licence} if licence else {})
    found = LicenceLimitFilter()
    assert found.host_passes(state, request(**asked)) is (why is None)
    assert why is None or why in found.reason(state, request(**asked))


@pytest.mark.cloud(filters=[LicenceLimitFilter])
def test_no_more_servers_than_licences_though_they_are_asked_for_together(cloud):
    licensed = cloud.driver.hosts()[7]
    cloud.make_aggregate("sql", [licensed], LICENCES[1])
    flavor = Flavor(flavorid="9", name="sql", vcpus=1, memory_mb=64, root_gb=1, extra_specs=NEEDED)
    servers = cloud.create_servers(3, flavor=flavor)
    cloud.wait_settled()
    rows = [cloud.server(uuid) for uuid in servers]
    assert sorted(row.vm_state for row in rows) == ["active", "active", "error"]
    assert {row.host for row in rows if row.vm_state == "active"} == {licensed}
    assert "LicenceLimitFilter refused" in next(row.fault_message for row in rows if row.vm_state == "error")
