"""``nova.scheduler.weights`` and ``nova.weights``: the base classes of weighers."""


class BaseWeigher:
    """One weigher: ``_weigh_object`` gives the raw weight; ``weigh_objects`` is not called here."""

    minval: float | None = None
    maxval: float | None = None

    def weight_multiplier(self, host_state: object) -> float:
        """Return what the normalised weight is multiplied by."""
        return 1.0

    def _weigh_object(self, obj: object, weight_properties: object) -> float:
        raise NotImplementedError


class BaseHostWeigher(BaseWeigher):
    """A weigher of hosts."""
