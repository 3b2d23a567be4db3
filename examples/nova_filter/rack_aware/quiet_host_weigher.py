"""Hosts with few instances first; the multiplier is an option of this package's own."""

import nova.conf
from nova.i18n import _
from nova.scheduler import utils, weights
from oslo_config import cfg

CONF = nova.conf.CONF
CONF.register_opts(
    [cfg.FloatOpt("quiet_host_weight_multiplier", default=1.0, help=_("Positive prefers hosts with few instances."))],
    group="rack_aware",
)


class QuietHostWeigher(weights.BaseHostWeigher):
    """The fewer instances, the better; from 100 on it makes no difference."""

    minval = -100
    maxval = 0

    def weight_multiplier(self, host_state):
        """Return the multiplier, which a host's aggregates may override."""
        return utils.get_weight_multiplier(
            host_state, "quiet_host_weight_multiplier", CONF.rack_aware.quiet_host_weight_multiplier
        )

    def _weigh_object(self, host_state, weight_properties):
        return -host_state.num_instances
