"""SameHostFilter."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.same_host_filter import SameHostFilter

WHERE = {"u1": "h1", "u2": "h2"}


@pytest.mark.parametrize(
    ("hint", "applies", "passes"),
    [
        (None, False, [True, True]),
        ([], False, [True, True]),
        ("", False, [True, True]),
        ("u1", True, [True, False]),
        ("u2", True, [False, False]),
        (["u2", "u1"], True, [True, False]),
        ("nowhere", True, [False, False]),
    ],
)
def test_hint(hint, applies, passes):
    plugin, hosts = SameHostFilter(), builders.columns([builders.host("h1"), builders.host("h3")])
    spec = builders.request(hints={} if hint is None else {"same_host": hint}, instance_hosts=WHERE)
    assert plugin.applies(spec) is applies
    assert [plugin.host_passes(state, spec) for state in hosts.states] == passes
    assert plugin.mask(hosts, spec).tolist() == passes
