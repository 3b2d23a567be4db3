"""DifferentHostFilter."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.different_host_filter import DifferentHostFilter

WHERE = {"u1": "h1", "u2": "h2"}


@pytest.mark.parametrize(
    ("hint", "applies", "passes"),
    [
        (None, False, True),
        ([], False, True),
        ("", False, True),
        ("u1", True, False),
        ("u2", True, True),
        (["u2", "u1"], True, False),
        (["u2"], True, True),
        ("nowhere", True, True),
    ],
)
def test_hint(hint, applies, passes):
    plugin, host = DifferentHostFilter(), builders.host("h1")
    spec = builders.request(hints={} if hint is None else {"different_host": hint}, instance_hosts=WHERE)
    assert plugin.applies(spec) is applies
    assert plugin.host_passes(host, spec) is passes
    assert plugin.mask(builders.columns([builders.host("h3"), host]), spec).tolist() == [True, passes]
