"""``nova.scheduler.filters``: the base class of filters."""


class BaseHostFilter:
    """One filter. Its ``host_passes`` is asked host by host; ``filter_all`` is not called here."""

    run_filter_once_per_request = False
    RUN_ON_REBUILD = False

    def host_passes(self, host_state: object, filter_properties: object) -> bool:
        """Return True when the host may take the request; to be written by the filter."""
        raise NotImplementedError
