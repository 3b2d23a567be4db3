"""The filter and weigher contracts, on every one that is installed, whoever brought it."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from corenova import conf as options
from corenova import loader
from corenova.contracts.filter import ScalarFilter, VectorFilter
from corenova.contracts.weigher import ScalarWeigher, VectorWeigher
from corenova.objects.host_row import Facts, HostRow
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import Flavor, ImageMeta, InstanceGroup, RequestSpec
from corenova.scheduler.hosts import HostTable

SETTINGS = settings(max_examples=40, deadline=None)
SMALL = st.integers(0, 3)
TRIPLES = [("x86_64", "qemu", "hvm"), ("aarch64", "kvm", "hvm")]


def installed(group):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    return loader.load(conf, group, sorted(loader.installed(group)))


def each(group):
    return pytest.mark.parametrize("plugin", installed(group), ids=lambda plugin: plugin.name)


each_filter, each_weigher = each(loader.FILTERS), each(loader.WEIGHERS)


@st.composite
def tables(draw):
    """Draw a real table of up to five hosts; sometimes claims have been entered in it."""
    rows = [
        HostRow(
            id=number, uuid=f"u{number}", host=f"h{number}", hypervisor_version=draw(st.sampled_from([0, 7_002_001])),
            hypervisor_type=draw(st.sampled_from(["QEMU", "fake"])), host_ip="192.0.2.1", changed_at=0.0, revision=0,
            address="c",
            service_id=1, service_uuid="s", disabled=draw(st.booleans()), disabled_reason=None,
            is_up=draw(st.booleans()), failed_builds=draw(SMALL), num_instances=draw(SMALL), num_io_ops=draw(SMALL),
            inventories={
                name: Inventory(total=draw(st.integers(0, 64)), allocation_ratio=2.0, used=draw(st.integers(0, 200)))
                for name in draw(st.sets(st.sampled_from(["VCPU", "MEMORY_MB", "DISK_GB"])))
            },
            facts=Facts(
                supported_instances=tuple(draw(st.sets(st.sampled_from(TRIPLES)))),
                cpu_info=draw(st.sampled_from([{}, {"topology": {"cores": 2}}])),
            ),
            aggregates=tuple((name, "{}") for name in draw(st.sets(st.sampled_from(["ssd", "gpu"])))),
        )
        for number in range(draw(st.integers(0, 5)))
    ]  # fmt: skip
    table = HostTable.of(rows)
    for index in range(draw(st.integers(0, len(rows)))):
        table.consume(index, dict.fromkeys(rows[index].inventories, 1))
    return table


@st.composite
def specs(draw):
    """Draw a request, with or without image, extra specs and group."""
    image = ImageMeta(
        id="i", name="i",
        properties=draw(st.sampled_from([{}, {"hw_architecture": "x86_64"}, {"img_hv_type": "kvm"}])),
    )  # fmt: skip
    group = InstanceGroup(
        uuid="g", name="g",
        policy=draw(st.sampled_from(["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"])),
        hosts=draw(st.dictionaries(st.sampled_from(["h0", "h1", "elsewhere"]), st.integers(1, 2))),
    )  # fmt: skip
    extra_specs = draw(st.dictionaries(st.sampled_from(["capabilities:hypervisor_type", "vcpus_total"]),
                                       st.sampled_from(["QEMU", ">= 2", "<in> E"])))  # fmt: skip
    return RequestSpec(
        project_id="p",
        user_id="u",
        flavor=Flavor(flavorid="1", name="f", vcpus=1, memory_mb=2, root_gb=1, extra_specs=extra_specs),
        image=draw(st.none() | st.just(image)),
        instance_group=draw(st.none() | st.just(group)),
    )


def columns(table):
    """Every column that a plug-in may read, copied."""
    names = (
        "is_up", "disabled", "free_ram_mb", "free_disk_mb", "vcpus_free", "num_instances", "num_io_ops",
        "failed_builds",
    )  # fmt: skip
    return {name: getattr(table, name).copy() for name in names} | {"names": list(table.names)}


def unchanged(table, before):
    return all(np.array_equal(before[name], now) for name, now in columns(table).items())


@each_filter
def test_a_filter_is_registered_under_its_class_name_and_offers_a_form(plugin):
    assert plugin.name == type(plugin.object).__name__
    assert isinstance(plugin.object, ScalarFilter | VectorFilter)
    assert isinstance(getattr(plugin.object, "run_filter_once_per_request", False), bool)


@each_weigher
def test_a_weigher_is_registered_under_its_class_name_and_offers_a_form(plugin):
    assert plugin.name == type(plugin.object).__name__
    assert isinstance(plugin.object, ScalarWeigher | VectorWeigher)


@each_weigher
def test_the_multiplier_of_a_weigher_is_an_option_that_exists(plugin):
    option = getattr(plugin.object, "multiplier_option", None)
    names = {opt.name for opt in options.filter_scheduler.OPTIONS}
    assert option is None or option in names


@each_filter
@SETTINGS
@given(table=tables(), spec=specs())
def test_both_forms_of_a_filter_decide_alike_twice_and_change_nothing(plugin, table, spec):
    before, asked = columns(table), copy.deepcopy(spec)
    forms = []
    for _ in range(2):
        if isinstance(plugin.object, VectorFilter):
            mask = plugin.object.mask(table, spec)
            assert (mask.dtype, mask.shape) == (np.bool_, (len(table),))
            forms.append(mask.tolist())
        if isinstance(plugin.object, ScalarFilter):
            answers = [plugin.object.host_passes(state, spec) for state in table.states]
            assert {type(answer) for answer in answers} <= {bool}
            forms.append(answers)
    assert all(form == forms[0] for form in forms)
    assert unchanged(table, before) and spec == asked


@each_weigher
@SETTINGS
@given(table=tables(), spec=specs())
def test_both_forms_of_a_weigher_agree_twice_and_change_nothing(plugin, table, spec):
    before, asked = columns(table), copy.deepcopy(spec)
    forms = []
    for _ in range(2):
        if isinstance(plugin.object, VectorWeigher):
            weights = plugin.object.weights(table, spec)
            assert (weights.dtype, weights.shape) == (np.float64, (len(table),))
            forms.append(weights.tolist())
            weights += 1.0  # the framework may work in place: it must not be a column of the table
        column = getattr(plugin.object, "raw_column", None)
        if column is not None:
            forms.append([float(value) for value in getattr(table, column)])
        if isinstance(plugin.object, ScalarWeigher):
            forms.append([plugin.object.weigh(state, spec) for state in table.states])
    assert all(form == forms[0] for form in forms)
    assert all(math.isfinite(weight) for weight in forms[0])
    assert unchanged(table, before) and spec == asked


@each_filter
@SETTINGS
@given(table=tables(), spec=specs())
def test_every_no_has_words_without_the_name_of_the_host(plugin, table, spec):
    if hasattr(plugin.object, "reason"):
        for state in table.states:
            words = plugin.object.reason(state, spec)
            assert words and state.host not in words.split()
