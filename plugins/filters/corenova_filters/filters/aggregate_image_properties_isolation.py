"""AggregateImagePropertiesIsolation: an aggregate may refuse images whose properties differ from what it says.

An aggregate with ``os_distro=windows`` takes no image with another ``os_distro``; an image without the property is
welcome. With a namespace only keys that begin with it and the separator count, which keeps other keys out of it.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from oslo_config import cfg

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import aggregate_values


class AggregateImagePropertiesIsolation:
    """Pass hosts whose aggregates, where they name a property of the image, list its value."""

    contract_version = (1, 0)
    run_filter_once_per_request = True
    RUN_ON_REBUILD = True

    options = [
        cfg.StrOpt(
            "aggregate_image_properties_isolation_namespace",
            deprecated_group="filter_scheduler",
            help="Look only at keys that begin with this and the separator. Unset: at all keys.",
        ),
        cfg.StrOpt(
            "aggregate_image_properties_isolation_separator",
            default=".",
            deprecated_group="filter_scheduler",
            help="What stands between the namespace and the rest of a key.",
        ),
    ]

    def __init__(self) -> None:
        self._prefix = ""

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the options from the filter's own section."""
        namespace = section.aggregate_image_properties_isolation_namespace
        self._prefix = namespace + section.aggregate_image_properties_isolation_separator if namespace else ""

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when no aggregate of the host refuses the image."""
        return self._refused(host_state.aggregates, _properties(spec)) is None

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where no aggregate of the host refuses the image."""
        properties = _properties(spec)
        return hosts.by_aggregates(lambda aggregates: self._refused(aggregates, properties) is None)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Name the property that the aggregates refuse."""
        name = self._refused(host_state.aggregates, _properties(spec))
        if name is None:
            return "No aggregate of the host refuses the image."
        return f"The image has {name} '{_properties(spec)[name]}', and the host is kept for images with another one."

    def _refused(self, aggregates: Iterable[Aggregate], properties: Mapping[str, str]) -> str | None:
        """Return the first property of the image that the aggregates know with other values, or None."""
        for name, values in aggregate_values.merged(aggregates).items():
            value = properties.get(name)
            if value and name.startswith(self._prefix) and str(value) not in values:
                return name
        return None


def _properties(spec: RequestSpec) -> Mapping[str, str]:
    return spec.image.properties if spec.image is not None else {}
