"""Laws of the built-in stages on random fleets: all forms of a stage agree, and a part is judged like the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from corenova import conf as options
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import ImageMeta
from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.stages import builtin
from corenova.scheduler.traced import TracedSpec
from corenova.scheduler.views import Subset

TRAITS = ["CUSTOM_A", "CUSTOM_B", "COMPUTE_IMAGE_TYPE_RAW", "COMPUTE_STORAGE_BUS_SCSI"]
ON = (
    "limit_tenants_to_placement_aggregate", "placement_aggregate_required_for_tenants", "image_metadata_prefilter",
    "enable_isolated_aggregate_filtering", "query_placement_for_image_type_support",
)  # fmt: skip
GPUS = st.builds(
    Inventory, total=st.integers(0, 4), used=st.integers(0, 2), min_unit=st.integers(1, 2), max_unit=st.integers(1, 4),
    step_size=st.integers(1, 2),
)  # fmt: skip
AGGREGATES = st.sampled_from(
    [{}, {"availability_zone": "east"}, {"filter_tenant_id": "p"}, {"filter_tenant_id": "q"},
     {"trait:CUSTOM_A": "required"}]
)  # fmt: skip
HOSTS = st.lists(
    st.fixed_dictionaries(
        {
            "disabled": st.booleans(),
            "ram_mb": st.sampled_from([256, 1024]),
            "facts": st.fixed_dictionaries({"traits": st.lists(st.sampled_from(TRAITS), unique=True)}),
            "aggregates": st.lists(AGGREGATES, max_size=2),
            "inventories": st.just({}) | st.fixed_dictionaries({"CUSTOM_GPU": GPUS}),
        }
    ),
    min_size=1,
    max_size=8,
)
IMAGES = st.none() | st.builds(
    ImageMeta, id=st.just("i"), name=st.just("i"),
    properties=st.sampled_from([{}, {"hw_disk_bus": "scsi"}, {"trait:CUSTOM_B": "required"}]),
)  # fmt: skip
SPECS = st.fixed_dictionaries(
    {
        "project_id": st.sampled_from(["p", "q", "r"]),
        "availability_zone": st.sampled_from([None, "east", "nova"]),
        "force_hosts": st.sampled_from([(), ("h0",)]),
        "requested_host": st.sampled_from([None, "h1"]),
        "image": IMAGES,
        "extra_specs": st.sampled_from(
            [{}, {"trait:CUSTOM_A": "required"}, {"trait:CUSTOM_A": "forbidden"}, {"resources:CUSTOM_GPU": "1"},
             {"resources:CUSTOM_GPU": "2"}, {"resources:CUSTOM_NOBODY_HAS": "1"}]
        ),
    }
)  # fmt: skip


def stages(switched_on=()):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    for name in switched_on:
        conf.set_override(name, True, group="scheduler")
    return builtin(conf)


def test_their_order():
    assert [stage.name for stage in stages()] == [
        "HostEnabled", "ForcedHost", "RequestedHost", "AvailabilityZone", "Tenant", "IsolatedAggregates", "Traits",
        "Capacity",
    ]  # fmt: skip


@pytest.mark.parametrize("switched_on", [(), ON[:1], ON])
def test_all_forms_agree_and_a_part_is_judged_like_the_whole(build, switched_on):
    asked = stages(switched_on)

    @settings(max_examples=80, deadline=None)
    @given(hosts=HOSTS, request=SPECS, data=st.data())
    def law(hosts, request, data):
        table = build.table(*(build.host(f"h{n}", **host) for n, host in enumerate(hosts)))
        spec = TracedSpec(build.spec(**request), set())
        rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(table) - 1)))), dtype=np.intp)
        for stage in asked:
            mask = stage.mask(table, spec)
            assert mask.dtype == np.bool_ and mask.shape == (len(table),)
            assert stage.mask(Subset(table, rows), spec).tolist() == mask[rows].tolist(), stage.name
            passes = FilterGuard(stage.name, stage, is_stage=True).of_row(table, spec)
            assert [passes(row) for row in range(len(table))] == mask.tolist(), stage.name
            if hasattr(stage, "host_passes"):
                assert [stage.host_passes(state, spec) for state in table.states] == mask.tolist(), stage.name

    law()


def test_what_no_rule_needs_is_not_read(build):
    """A field that is read makes classes of requests: one a project, or one an image format."""
    reads = set()
    spec = TracedSpec(build.spec(image=ImageMeta(id="i", name="i")), reads)
    for stage in stages(["limit_tenants_to_placement_aggregate"]):
        stage.mask(build.table(2), spec)
    assert reads.isdisjoint({"project_id", "image.disk_format", "image.id", "flavor.name"})


def test_capacity_of_a_class_that_the_host_has_no_more(build):
    """Its claims outlive it; when one is given back both forms must still say the same."""
    gpu = {"CUSTOM_GPU": Inventory(total=1, used=1)}
    table = build.table(build.host("h", inventories=gpu), build.host("other", inventories=gpu))
    table.apply([build.host("h")])
    table.release(0, {"CUSTOM_GPU": 1})
    spec = build.spec(extra_specs={"resources:CUSTOM_GPU": "1"})
    capacity = stages()[-1]
    assert capacity.of_row(table, spec)(0) == capacity.mask(table, spec)[0]
