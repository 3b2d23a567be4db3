"""``nova.scheduler.utils``: the multiplier of a weigher, which aggregates may override."""

import logging

from corenova.nova_adapter.provided.filter_utils import aggregate_values_from_key, validate_num_values

LOG = logging.getLogger(__name__)


def get_weight_multiplier(host_state: object, multiplier_name: str, multiplier_config: float) -> float:
    """Return the smallest value that the host's aggregates give to ``multiplier_name``, else ``multiplier_config``."""
    values = aggregate_values_from_key(host_state, multiplier_name)
    try:
        return float(validate_num_values(values, multiplier_config, cast_to=float))
    except ValueError as error:
        LOG.warning("Aggregate metadata %s is not a number and is ignored: %s", multiplier_name, error)
        return multiplier_config
