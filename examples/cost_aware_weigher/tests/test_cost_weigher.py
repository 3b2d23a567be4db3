"""CostWeigher: the contract, a table of prices, and two servers in a cloud."""

import pytest
from cost_aware_weigher import CostWeigher

from corenova import loader
from corenova.exceptions import PluginError
from corenova.testing.builders import columns, host, request
from corenova.testing.configuration import configuration
from corenova.testing.suites import WeigherSuite


class TestContract(WeigherSuite):
    plugin = CostWeigher
    ini = {"CostWeigher": {"prices": "ssd:0.3,gpu:2", "default_price": "0.1"}}


def weigher(**options):
    """Return the weigher with these options in its section."""
    conf = configuration({"CostWeigher": options})
    return loader.load_one(conf, loader.WEIGHERS, loader.give(conf, loader.WEIGHERS, CostWeigher)).object


def said(price):
    return {"cost_per_hour": price}


@pytest.mark.parametrize(
    ("aggregates", "price"),
    [
        ({}, 0.2),
        ({"old": {}}, 0.05),
        ({"old": said("0.01")}, 0.01),
        ({"a": said("0.5"), "b": said("0.7"), "old": {}}, 0.7),
        ({"a": said("0"), "new": {}}, 0.0),
        *[({"old": said(slip)}, 0.05) for slip in ("cheap", "", "-1", "nan", "inf")],
    ],
)
def test_the_price_of_a_host(aggregates, price):
    found = weigher(prices="old:0.05,new:0.12", default_price="0.2")
    assert found.weigh(host(aggregates=aggregates), request()) == -price
    assert found.weights(columns([host(aggregates=aggregates)]), request()).tolist() == [-price]


def test_the_scale_ends_at_nothing_and_at_the_dearest():
    fleet = columns([host("a", aggregates={"a": said("0.5")}), host("b", aggregates={"b": said("2")}), host("c")])
    assert weigher(default_price="0.1").scale(fleet) == (-2.0, 0.0)
    assert weigher().scale(columns([])) == (0.0, 0.0)


@pytest.mark.parametrize("prices", ["old:cheap", "old:-1", "old:nan"])
def test_a_price_in_the_ini_file_that_is_none_stops_the_start(prices):
    with pytest.raises(PluginError, match="is no price"):
        weigher(prices=prices)


@pytest.mark.cloud(weighers=[CostWeigher], ini={"CostWeigher": {"default_price": "1", "cost_weight_multiplier": "9"}})
def test_a_server_goes_to_the_cheap_host_and_the_answer_says_why(cloud):
    cheap = cloud.driver.hosts()[7]
    cloud.make_aggregate("old", [cheap], said("0.25"))
    server = cloud.create_server()
    cloud.wait_for(server)
    assert cloud.server(server).host == cheap
    assert cloud.decision(server).weights["CostWeigher"] == 9 * 0.75
