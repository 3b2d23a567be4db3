"""Only hosts in a rack that the request allows."""

from nova.scheduler import filters
from nova.scheduler.filters import utils
from oslo_log import log as logging

LOG = logging.getLogger(__name__)


class RackFilter(filters.BaseHostFilter):
    """Pass hosts in the rack of the hint ``rack``; without the hint, of the flavor's extra spec ``rack:name``."""

    run_filter_once_per_request = True
    RUN_ON_REBUILD = False

    def host_passes(self, host_state, spec_obj):
        """Return True when the host is in the rack, or none is asked for."""
        wanted = spec_obj.get_scheduler_hint("rack") or spec_obj.flavor.extra_specs.get("rack:name")
        if not wanted:
            return True
        racks = utils.aggregate_metadata_get_by_host(host_state, key="rack")
        if wanted in racks.get("rack", ()):
            return True
        LOG.debug("%(host)s is not in rack %(rack)s", {"host": host_state.host, "rack": wanted})
        return False
