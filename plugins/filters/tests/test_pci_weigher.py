"""PCIWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.pci_weigher import PCIWeigher


@pytest.mark.parametrize(("number", "raw"), [(0, 100.0), (3, 97.0), (99, 1.0), (500, 1.0)])
def test_raw_weight(number, raw):
    host = builders.host(pci_devices=number)
    assert PCIWeigher().weigh(host, builders.request()) == raw
    assert PCIWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert PCIWeigher.multiplier_option == "pci_weight_multiplier"
    assert (PCIWeigher.negate, PCIWeigher.minval) == (False, None)


def test_scale():
    assert PCIWeigher().scale(builders.columns([])) == (1.0, 100.0)
