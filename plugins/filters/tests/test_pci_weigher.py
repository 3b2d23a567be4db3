"""PCIWeigher."""

import pytest

from corenova_filters.weighers.pci_weigher import PCIWeigher


@pytest.mark.parametrize(("number", "raw"), [(0, 100.0), (3, 97.0), (99, 1.0), (500, 1.0)])
def test_raw_weight(builders, number, raw):
    host = builders.host(free_pci_devices=number)
    assert PCIWeigher().weigh(host, builders.spec()) == raw
    assert PCIWeigher().weights(builders.columns(host), builders.spec()).tolist() == [raw]


def test_traits():
    assert PCIWeigher.multiplier_option == "pci_weight_multiplier"
    assert (PCIWeigher.negate, PCIWeigher.minval) == (False, None)


def test_scale(builders):
    assert PCIWeigher().scale(builders.columns()) == (1.0, 100.0)
