"""BestFitWeigher."""

import pytest

from corenova.objects.host_state import Inventory
from corenova.testing import builders
from corenova_filters.weighers.best_fit_weigher import BestFitWeigher

WEIGHER = BestFitWeigher()


def held(vcpus, ram_mb, **ram):
    return {"VCPU": Inventory(total=10, used=vcpus), "MEMORY_MB": Inventory(total=5120, used=ram_mb, **ram)}


@pytest.mark.parametrize(
    ("inventories", "raw"),
    [
        # the request of the builders: 1 vCPU and 512 MiB, a tenth of the host
        (held(0, 0), -0.9),
        (held(9, 4608), 0.0),
        (held(4, 4608), -0.2 * 0.5),
        (held(9, 2048), -0.8 * 0.5),
        (held(9, 1536, reserved=2560, allocation_ratio=2.0), -0.8 * 0.6),
        ({"MEMORY_MB": Inventory(total=5120, used=2048)}, -0.8 * 0.5),
        ({}, 0.0),
    ],
)
def test_raw_weight(inventories, raw):
    host = builders.host(inventories={"VCPU": None, "MEMORY_MB": None, "DISK_GB": None, **inventories})
    assert WEIGHER.weigh(host, builders.request(ram_mb=512)) == pytest.approx(raw)
    assert WEIGHER.weights(builders.columns([host]), builders.request(ram_mb=512)).tolist() == [pytest.approx(raw)]


def test_a_piece_of_ram_is_kept_whole_rather_than_one_of_vcpus():
    """Of two hosts that are equally full in sum, the one with less RAM left is the better fit."""
    little_ram, few_vcpus = (builders.host(inventories=held(*used)) for used in ((2, 4096), (8, 1024)))
    assert WEIGHER.weigh(little_ram, builders.request(ram_mb=512)) > WEIGHER.weigh(
        few_vcpus, builders.request(ram_mb=512)
    )


def test_scale_is_an_empty_host_to_a_full_one():
    assert WEIGHER.scale(builders.columns([])) == (-1.0, 0.0)


def test_traits():
    assert BestFitWeigher.multiplier_option == "best_fit_weight_multiplier"
    assert (BestFitWeigher.negate, BestFitWeigher.minval, BestFitWeigher.maxval) == (False, None, None)
