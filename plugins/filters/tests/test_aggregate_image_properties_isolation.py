"""AggregateImagePropertiesIsolation: values of the aggregates against the image's, and the namespace."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.aggregate_image_properties_isolation import AggregateImagePropertiesIsolation

OS = "aggregate_image_properties_isolation_namespace = os\n"
UNDERSCORE = OS + "aggregate_image_properties_isolation_separator = _\n"


@pytest.mark.parametrize(
    ("text", "image", "metadata", "passes"),
    [
        ("", {"os_distro": "windows"}, [], True),
        ("", {"os_distro": "windows"}, [{"os_distro": "windows"}], True),
        ("", {"os_distro": "debian"}, [{"os_distro": "windows"}], False),
        ("", {"os_distro": "debian"}, [{"os_distro": "windows, debian"}], True),
        ("", {"os_distro": "debian"}, [{"os_distro": "windows"}, {"os_distro": "debian"}], True),
        ("", {"os_distro": "debian"}, [{"ssd": "true"}], True),
        ("", {}, [{"os_distro": "windows"}], True),
        ("", None, [{"os_distro": "windows"}], True),
        ("", {"os_distro": "debian", "os_type": "linux"}, [{"os_distro": "debian", "os_type": "windows"}], False),
        (UNDERSCORE, {"os_distro": "debian"}, [{"os_distro": "windows"}], False),
        (UNDERSCORE, {"hw_vm_mode": "hvm"}, [{"hw_vm_mode": "xen"}], True),
        (OS, {"os_distro": "debian"}, [{"os_distro": "windows"}], True),
        (OS, {"os.distro": "debian"}, [{"os.distro": "windows"}], False),
    ],
)
def test_properties(text, image, metadata, passes):
    plugin = builders.configured(AggregateImagePropertiesIsolation, f"[filter_scheduler]\n{text}")
    host, spec = builders.host(aggregates=metadata), builders.request(image=image)
    assert plugin.host_passes(host, spec) is passes
    assert plugin.mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_names_the_property():
    host = builders.host(aggregates=[{"os_distro": "windows"}])
    sentence = AggregateImagePropertiesIsolation().reason(host, builders.request(image={"os_distro": "debian"}))
    assert "os_distro 'debian'" in sentence


def test_it_is_asked_for_a_rebuild():
    assert AggregateImagePropertiesIsolation.RUN_ON_REBUILD
