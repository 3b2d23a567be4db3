"""Filters and weighers in Nova's manner decide as they would there."""

import pytest

from corenova.exceptions import PluginError
from corenova.nova_adapter import loading
from corenova.nova_adapter.plugins import NovaFilter, NovaWeigher
from corenova.objects.host_state import Aggregate, HostState, Service
from corenova.objects.request_spec import ImageMeta, InstanceGroup

FILTERS = """
from oslo_log import log as logging

import nova.conf
from nova.i18n import _
from nova.scheduler import filters
from nova.scheduler.filters import extra_specs_ops, utils

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)


class LimitFilter(filters.BaseHostFilter):
    RUN_ON_REBUILD = True

    def host_passes(self, host_state, spec_obj):
        values = utils.aggregate_values_from_key(host_state, "max_vms")
        most = utils.validate_num_values(values, CONF.filter_scheduler.host_subset_size, cast_to=int)
        return host_state.num_instances + spec_obj.num_instances <= most


class TierFilter(filters.BaseHostFilter):
    run_filter_once_per_request = True

    def host_passes(self, host_state, spec_obj):
        metadata = utils.aggregate_metadata_get_by_host(host_state)
        for key, req in spec_obj.flavor.extra_specs.items():
            scope, _sep, name = key.partition(":")
            if scope == "tier" and not any(extra_specs_ops.match(v, req) for v in metadata.get(name, ())):
                return False
        return True


class AwayFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        away = spec_obj.get_scheduler_hint("away_from")
        return not away or not utils.instance_uuids_overlap(host_state, away)


class GroupFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        group = spec_obj.instance_group
        if group and group.policy == "anti-affinity":
            return host_state.host not in group.hosts
        image = spec_obj.image
        return not image or image.properties.get("hw_architecture", "x86_64") == "x86_64"


class NeedyFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        return spec_obj.numa_topology is None


class WordyFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        service = host_state.service
        host_state.limits["vcpu"] = host_state.vcpus_total * host_state.cpu_allocation_ratio
        return not service["disabled"] and spec_obj.vcpus <= host_state.limits["vcpu"]
"""
WEIGHERS = """
import nova.conf
from nova.scheduler import utils, weights

CONF = nova.conf.CONF


class Plain(weights.BaseHostWeigher):
    minval = 0

    def _weigh_object(self, host_state, weight_properties):
        return host_state.free_ram_mb - weight_properties.memory_mb


class Overridden(Plain):
    def weight_multiplier(self, host_state):
        return utils.get_weight_multiplier(
            host_state, "ram_weight_multiplier", CONF.filter_scheduler.ram_weight_multiplier)


class Negated(Plain):
    def weight_multiplier(self, host_state):
        return -1 * utils.get_weight_multiplier(
            host_state, "ram_weight_multiplier", CONF.filter_scheduler.ram_weight_multiplier)


class Fixed(Plain):
    def weight_multiplier(self, host_state):
        return CONF.filter_scheduler.ram_weight_multiplier


class ByHost(Plain):
    def weight_multiplier(self, host_state):
        return host_state.free_ram_mb / 1024


class Squared(Plain):
    def weight_multiplier(self, host_state):
        return utils.get_weight_multiplier(host_state, "a", 1.0) ** 2


class Searching(Plain):
    def weight_multiplier(self, host_state):
        return sum(len(a.metadata.items()) for a in host_state.aggregates)


class Word(Plain):
    def weight_multiplier(self, host_state):
        return "high"


class Own(Plain):
    def weigh_objects(self, weighed_obj_list, weight_properties):
        return []
"""


def host(name="h", *, metadata=(), **facts):
    """Return a host in aggregates with these metadata."""
    return HostState(
        host=name, nodename=name, aggregates=tuple(Aggregate(name="a", metadata=m) for m in metadata), **facts
    )


@pytest.fixture
def made(write, conf):
    """Give a function that makes an object of a class written for Nova."""
    modules = {}

    def make(source, name, ini=""):
        if source not in modules:
            modules[source] = write(source)
        (found,) = loading.classes(conf(ini), "[x] y", f"{modules[source]}.{name}")
        return found()

    return make


def test_a_limit_that_aggregates_override(made, spec):
    limit = NovaFilter(made(FILTERS, "LimitFilter", "[filter_scheduler]\nhost_subset_size = 5\n"))
    assert limit.RUN_ON_REBUILD is True
    assert limit.run_filter_once_per_request is False
    assert limit.host_passes(host(num_instances=4), spec()) is True
    assert limit.host_passes(host(num_instances=5), spec()) is False
    assert limit.host_passes(host(num_instances=4), spec(num_instances=2)) is False
    small = [{"max_vms": "9"}, {"max_vms": "3"}, {}]
    assert limit.host_passes(host(num_instances=2, metadata=small), spec()) is True
    assert limit.host_passes(host(num_instances=3, metadata=small), spec()) is False


def test_the_configuration_is_the_one_that_was_loaded_last(made, spec):
    nova = NovaFilter(made(FILTERS, "LimitFilter", "[filter_scheduler]\nhost_subset_size = 5\n"))
    made(FILTERS, "LimitFilter", "[filter_scheduler]\nhost_subset_size = 1\n")
    assert nova.host_passes(host(num_instances=4), spec()) is False


@pytest.mark.parametrize(
    ("metadata", "extra_specs", "passes"),
    [
        ([{"disk": "ssd, nvme"}], {"tier:disk": "nvme"}, True),
        ([{"disk": "ssd, nvme"}], {"tier:disk": "hdd"}, False),
        ([{"disk": "hdd"}, {"disk": "ssd"}], {"tier:disk": "<or> ssd <or> nvme"}, True),
        ([{"iops": "5000"}], {"tier:iops": ">= 3000"}, True),
        ([{"iops": "2000"}], {"tier:iops": ">= 3000"}, False),
        ([], {"tier:disk": "ssd"}, False),
        ([], {"other:disk": "ssd"}, True),
    ],
)
def test_extra_specs_against_aggregates(made, spec, metadata, extra_specs, passes):
    tier = NovaFilter(made(FILTERS, "TierFilter"))
    assert tier.run_filter_once_per_request is True
    assert tier.host_passes(host(metadata=metadata), spec(extra_specs)) is passes


def test_hints_that_name_instances(made, spec):
    away = NovaFilter(made(FILTERS, "AwayFilter"))
    for hint in ("u1", ["u1"], ["u0", "u1"]):
        wanted = spec(scheduler_hints={"away_from": hint}, instance_hosts={"u1": "h1"})
        assert [away.host_passes(host(name), wanted) for name in ("h1", "h2")] == [False, True]
    assert away.host_passes(host("h1"), spec())


def test_groups_and_images(made, spec):
    group = NovaFilter(made(FILTERS, "GroupFilter"))
    wanted = spec(instance_group=InstanceGroup(uuid="g", name="g", policy="anti-affinity", hosts={"h1": 1}))
    assert [group.host_passes(host(name), wanted) for name in ("h1", "h2")] == [False, True]
    for arch, passes in (("x86_64", True), ("aarch64", False)):
        image = ImageMeta(id="i", name="i", properties={"hw_architecture": arch})
        assert group.host_passes(host(), spec(image=image)) is passes
    assert group.host_passes(host(), spec(image=ImageMeta(id="i", name="i")))


def test_service_and_limits(made, spec):
    wordy = NovaFilter(made(FILTERS, "WordyFilter"))
    assert wordy.host_passes(host(vcpus_total=1, cpu_allocation_ratio=2.0), spec())
    assert not wordy.host_passes(host(vcpus_total=1), spec())
    assert not wordy.host_passes(host(vcpus_total=9, service=Service(disabled=True)), spec())


def test_what_is_not_offered_is_refused_by_name(made, spec):
    with pytest.raises(AttributeError, match=r"does not offer RequestSpec\.numa_topology to Nova's filters"):
        NovaFilter(made(FILTERS, "NeedyFilter")).host_passes(host(), spec())


INI = "[filter_scheduler]\nram_weight_multiplier = 1.5\n"


@pytest.mark.parametrize(
    ("name", "multiplier", "option", "negate"),
    [
        ("Plain", 1.0, None, False),
        ("Fixed", 1.5, None, False),
        ("Overridden", 1.5, "ram_weight_multiplier", False),
        ("Negated", 1.5, "ram_weight_multiplier", True),
    ],
)
def test_multipliers(made, spec, name, multiplier, option, negate):
    weigher = NovaWeigher(made(WEIGHERS, name, INI))
    assert (weigher.multiplier, weigher.multiplier_option, weigher.negate) == (multiplier, option, negate)
    assert (weigher.minval, weigher.maxval) == (0, None)
    assert weigher.weigh(host(free_ram_mb=1024), spec()) == 512


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ByHost", "cannot be told for all hosts"),
        ("Searching", "cannot be told for all hosts"),
        ("Squared", "neither one number nor"),
        ("Word", "could not convert"),
        ("Own", "weigh_objects"),
    ],
)
def test_weighers_that_cannot_be_fitted(made, name, words):
    with pytest.raises(PluginError, match=words):
        NovaWeigher(made(WEIGHERS, name))


def test_classes_without_the_method():
    with pytest.raises(PluginError, match="object has no method host_passes"):
        NovaFilter(object())
    with pytest.raises(PluginError, match="object has no method _weigh_object"):
        NovaWeigher(object())
