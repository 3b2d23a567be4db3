"""The built-in stages: what no list of filters can switch off, asked before the enabled filters.

They are Placement's part and Nova's pre-filters, in the shape of vector filters with a reason, under their own names
in explanations. So an ``enabled_filters`` list carried over from nova.conf means the same here.
"""

from oslo_config import cfg

from corenova.scheduler.stages.capacity import Capacity
from corenova.scheduler.stages.enabled import HostEnabled
from corenova.scheduler.stages.implied_traits import SWITCHES
from corenova.scheduler.stages.isolation import IsolatedAggregates
from corenova.scheduler.stages.named_host import ForcedHost, RequestedHost
from corenova.scheduler.stages.tenant import Tenant
from corenova.scheduler.stages.traits import Traits
from corenova.scheduler.stages.zone import AvailabilityZone

__all__ = [
    "AvailabilityZone", "Capacity", "ForcedHost", "HostEnabled", "IsolatedAggregates", "RequestedHost", "Tenant",
    "Traits", "builtin",
]  # fmt: skip


def builtin(conf: cfg.ConfigOpts) -> list[object]:
    """Return the stages in the order in which they are asked: what excludes most for least first, what is used last."""
    options = conf.scheduler
    switches = frozenset(name for name in SWITCHES if getattr(options, name))
    return [
        HostEnabled(),
        ForcedHost(),
        RequestedHost(),
        AvailabilityZone(),
        Tenant(
            limited=options.limit_tenants_to_placement_aggregate,
            required=options.placement_aggregate_required_for_tenants,
        ),
        IsolatedAggregates(enabled=options.enable_isolated_aggregate_filtering, switches=switches),
        Traits(switches),
        Capacity(),
    ]
