"""ImagePropertiesWeigher: instances that share properties, each property by its setting."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.image_properties_weigher import ImagePropertiesWeigher

COUNTED = {"os_distro": {"h1": 2, "h2": 1, "gone": 7}, "hw_machine_type": {"h1": 1}}


@pytest.mark.parametrize(
    ("text", "raws"),
    [
        ("", [3.0, 1.0, 0.0]),
        ("image_props_weight_setting = os_distro=10, hw_machine_type=0.5", [20.5, 10.0, 0.0]),
        ("image_props_weight_setting = os_distro=2", [4.0, 2.0, 0.0]),
        ("image_props_weight_setting = os_distro=0,hw_machine_type=1", [1.0, 0.0, 0.0]),
    ],
)
def test_raw_weight(text, raws):
    plugin = builders.configured(ImagePropertiesWeigher, f"[filter_scheduler]\n{text}")
    hosts = builders.columns(map(builders.host, ("h1", "h2", "h3")))
    spec = builders.request(image={}, image_property_hosts=COUNTED)
    assert plugin.applies(spec)
    assert [plugin.weigh(state, spec) for state in hosts.states] == raws
    assert plugin.weights(hosts, spec).tolist() == raws


def test_what_is_counted(tmp_path):
    """A property of weight 0 costs no counting."""
    text = "image_props_weight_setting = os_distro=2,os_type=0"
    plugin = builders.configured(ImagePropertiesWeigher, f"[filter_scheduler]\n{text}")
    assert plugin.counted_image_properties == ("os_distro",)
    assert not plugin.applies(builders.request(image={"os_distro": "debian"}))


@pytest.mark.parametrize("entry", ["os_distro", "os_distro=", "=1", "os_distro=many", "os_distro=nan"])
def test_a_wrong_setting_stops_the_start(entry):
    with pytest.raises(ValueError, match=f"'{entry}' is not property=number"):
        builders.configured(ImagePropertiesWeigher, f"[filter_scheduler]\nimage_props_weight_setting = {entry}")


def test_traits():
    assert ImagePropertiesWeigher.multiplier_option == "image_props_weight_multiplier"
    assert (ImagePropertiesWeigher.negate, ImagePropertiesWeigher.minval) == (False, None)
