"""IsolatedHostsFilter: images of the list, hosts of the list, and both ways of keeping them apart."""

import pytest

from corenova.objects.request_spec import ImageMeta
from corenova.testing import builders
from corenova_filters.filters.isolated_hosts_filter import IsolatedHostsFilter

BOTH = "isolated_images = i1, i2\nisolated_hosts = h1, h2\n"
HOSTS = "isolated_hosts = h1\n"
OPEN = "restrict_isolated_hosts_to_isolated_images = false\n"


@pytest.mark.parametrize(
    ("text", "image_id", "passes"),
    [
        ("", "i1", [True, True]),
        (BOTH, "i1", [True, False]),
        (BOTH, "other", [False, True]),
        (BOTH, None, [False, True]),
        (BOTH + OPEN, "i1", [True, False]),
        (BOTH + OPEN, "other", [True, True]),
        (HOSTS, "i1", [False, True]),
        (HOSTS + OPEN, "i1", [True, True]),
        ("isolated_images = i1", "i1", [False, False]),
    ],
)
def test_lists(text, image_id, passes):
    plugin = builders.configured(IsolatedHostsFilter, f"[filter_scheduler]\n{text}")
    hosts = builders.columns([builders.host("h1"), builders.host("h3")])
    spec = builders.request() if image_id is None else builders.request(image=ImageMeta(id=image_id, name="i"))
    assert [plugin.host_passes(state, spec) for state in hosts.states] == passes
    assert plugin.mask(hosts, spec).tolist() == passes


@pytest.mark.parametrize(("image_id", "words"), [("i1", "The image is isolated"), ("other", "kept for isolated")])
def test_reason(image_id, words):
    plugin = builders.configured(IsolatedHostsFilter, f"[filter_scheduler]\n{BOTH}")
    assert words in plugin.reason(builders.host(), builders.request(image=ImageMeta(id=image_id, name="i")))


def test_it_is_asked_for_a_rebuild():
    assert IsolatedHostsFilter.RUN_ON_REBUILD
