"""ImagePropertiesWeigher: instances whose images are alike stand together, or apart.

Off by default; a positive multiplier packs, a negative one spreads. How many instances of which host have an image with
the same value of a property comes with the request (``image_property_hosts``): the scheduler has counted them.
"""

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from oslo_config import cfg

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import host_values


class ImagePropertiesWeigher:
    """Weigh a host by its instances that share properties with the image, each property by the setting.

    :ivar counted_image_properties: the properties that the scheduler counts; empty: every property of the image.
    """

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "image_props_weight_multiplier"
    negate: ClassVar[bool] = False
    minval: ClassVar[float | None] = None
    maxval: ClassVar[float | None] = None

    options = [
        cfg.ListOpt(
            "image_props_weight_setting",
            default=[],
            deprecated_group="filter_scheduler",
            help="What one instance with the same value of a property weighs: os_distro=2,hw_machine_type=0.5. "
            "Properties that are not named do not count; when none is named, all count 1.",
        ),
    ]

    def __init__(self) -> None:
        self._setting: dict[str, float] = {}
        self.counted_image_properties: tuple[str, ...] = ()

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the setting from the weigher's own section.

        :raises ValueError: an entry is not ``property=number``.
        """
        self._setting = _parsed(section.image_props_weight_setting)
        self.counted_image_properties = tuple(name for name, weight in self._setting.items() if weight)

    def applies(self, spec: RequestSpec) -> bool:
        """Return True when something was counted."""
        return bool(spec.image_property_hosts)

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return the weighted number of instances that share properties; 0 when nothing was counted."""
        return self._by_host(spec).get(host_state.host, 0.0)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the weighted number of instances that share properties on each host."""
        return host_values.column(hosts, self._by_host(spec))

    def _by_host(self, spec: RequestSpec) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, hosts in spec.image_property_hosts.items():
            weight = self._setting.get(name, 0.0) if self._setting else 1.0
            for host, count in hosts.items():
                found[host] = found.get(host, 0.0) + weight * count
        return found


def _parsed(entries: Iterable[str]) -> dict[str, float]:
    setting = {}
    for entry in entries:
        name, _, text = (part.strip() for part in entry.partition("="))
        try:
            weight = float(text)
        except ValueError:
            weight = math.nan
        if not name or not math.isfinite(weight):
            raise ValueError(f"image_props_weight_setting: '{entry}' is not property=number")
        setting[name] = weight
    return setting
