"""CostWeigher: cheap hosts first, by the metadata ``cost_per_hour`` of aggregates or a table in the ini file."""

import math
from typing import ClassVar

import numpy as np
from oslo_config import cfg

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec

KEY = "cost_per_hour"


class CostWeigher:
    """Weigh a host by minus what it costs an hour, in whatever currency.

    The upper end of the scale is fixed at 0, a host that costs nothing. Without it min-max would stretch the smallest
    difference of price to the whole scale: a cent would count as much as all of the RAM. With it a host that is a
    hundredth cheaper than the dearest is a hundredth better.
    """

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "cost_weight_multiplier"
    maxval: ClassVar[float | None] = 0.0

    options = [
        cfg.FloatOpt("cost_weight_multiplier", default=1.0, help="How much the cost counts beside other weighers."),
        cfg.DictOpt(
            "prices",
            default={},
            help="What a host in an aggregate costs an hour, by the aggregate's name: old:0.05,new:0.12. Metadata "
            "cost_per_hour of an aggregate wins.",
        ),
        cfg.FloatOpt("default_price", default=0.0, min=0.0, help="What any other host costs an hour."),
    ]

    def __init__(self) -> None:
        self._prices: dict[str, float] = {}
        self._default = 0.0

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the prices from ``[CostWeigher]``; raises ValueError for what is none."""
        for name, text in section.prices.items():
            price = _price(text)
            if price is None:
                raise ValueError(f"prices: {name}:{text} is no price. Write a number that is 0 or more.")
            self._prices[name] = price
        self._default = section.default_price

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return minus the price of the host."""
        return -self._of(host_state.aggregates)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return minus the price of each host; asked once for each set of aggregates, not for each host."""
        return -hosts.by_aggregates(self._of).astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return the ends for ``weight_normalization = fixed``: the dearest host there is, and one for nothing.

        A price depends on no claim and on no request, so this may look at all hosts.
        """
        return float(self.weights(hosts, None).min(initial=0.0)), 0.0

    def _of(self, aggregates: tuple[Aggregate, ...]) -> float:
        """Return what the aggregates say a host costs, the highest price of several.

        Metadata that is no price is passed over: a slip in one aggregate must not spoil every decision.
        """
        said = (_price(one.metadata.get(KEY)) for one in aggregates)
        prices = [price for price in said if price is not None]
        prices = prices or [self._prices[one.name] for one in aggregates if one.name in self._prices]
        return max(prices, default=self._default)


def _price(text: str | None) -> float | None:
    try:
        price = float(text)
    except (TypeError, ValueError):
        return None
    return price if 0.0 <= price < math.inf else None
