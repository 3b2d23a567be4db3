"""IsolatedHostsFilter: certain images run on certain hosts, and nothing else runs there.

For hosts whose licences or guests must be kept apart. Both lists are options, so a change needs a restart.
"""

import numpy as np
from oslo_config import cfg

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec


class IsolatedHostsFilter:
    """Pass isolated hosts for isolated images and the other hosts for the other images.

    With ``restrict_isolated_hosts_to_isolated_images`` off, isolated hosts take other images, too.
    """

    contract_version = (1, 0)
    run_filter_once_per_request = True
    RUN_ON_REBUILD = True

    options = [
        cfg.ListOpt(
            "isolated_images", default=[], deprecated_group="filter_scheduler", help="Ids of images for isolated hosts."
        ),
        cfg.ListOpt("isolated_hosts", default=[], deprecated_group="filter_scheduler", help="Names of isolated hosts."),
        cfg.BoolOpt(
            "restrict_isolated_hosts_to_isolated_images",
            default=True,
            deprecated_group="filter_scheduler",
            help="Let nothing but isolated images onto isolated hosts.",
        ),
    ]

    def __init__(self) -> None:
        self._images: frozenset[str] = frozenset()
        self._hosts: frozenset[str] = frozenset()
        self._restrict = True

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the lists from the filter's own section."""
        self._images = frozenset(section.isolated_images)
        self._hosts = frozenset(section.isolated_hosts)
        self._restrict = section.restrict_isolated_hosts_to_isolated_images

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host is for the image."""
        host_isolated = host_state.host in self._hosts
        return host_isolated if self._is_isolated(spec) else not (host_isolated and self._restrict)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the host is for the image."""
        image_isolated = self._is_isolated(spec)
        passed = np.full(len(hosts), not image_isolated)
        if image_isolated or self._restrict:
            passed[hosts.rows(self._hosts)] = image_isolated
        return passed

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say which of the two is isolated."""
        if self._is_isolated(spec):
            return "The image is isolated, and the host is not one of those it may run on."
        return "The host is kept for isolated images."

    def _is_isolated(self, spec: RequestSpec) -> bool:
        # Without a list the image is not looked at: requests that differ in it alone stay one class.
        return bool(self._images) and spec.image is not None and spec.image.id in self._images
