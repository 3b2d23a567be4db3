"""How TemplateWeigher weighs, and that it keeps the contract."""

from types import SimpleNamespace

import pytest
from template_weigher import TemplateWeigher

from corenova.testing.builders import host, request
from corenova.testing.suites import WeigherSuite


class TestContract(WeigherSuite):
    """All that the weigher contract asks of every weigher."""

    plugin = TemplateWeigher


@pytest.mark.parametrize(("name", "weight"), [("good", 1.0), ("other", 0.0)])
def test_preferred_hosts_weigh_more(name, weight):
    plugin = TemplateWeigher()
    plugin.configure(SimpleNamespace(preferred_hosts=["good", "better"]))
    assert plugin.weigh(host(name), request()) == weight
