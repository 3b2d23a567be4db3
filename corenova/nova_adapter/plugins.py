"""Classes with Nova's signatures behind the contracts of corenova/contracts/filter.py and weigher.py."""

import math
from types import SimpleNamespace

from corenova.account import words
from corenova.exceptions import PluginError
from corenova.nova_adapter.views import HostState, RequestSpec
from corenova.objects import host_state as ours
from corenova.objects import request_spec


class NovaFilter:
    """A filter: Nova's ``host_passes`` sees Nova's shapes.

    :param nova: the object that was written for Nova.
    :raises PluginError: it has no ``host_passes``, or one of the methods that are not called here.
    """

    def __init__(self, nova: object):
        _require(nova, "host_passes", not_called=("filter_all", "_filter_one", "filter_candidates"))
        self._nova = nova
        self.run_filter_once_per_request = bool(getattr(nova, "run_filter_once_per_request", False))
        self.RUN_ON_REBUILD = bool(getattr(nova, "RUN_ON_REBUILD", False))

    def host_passes(self, host_state: ours.HostState, spec: request_spec.RequestSpec) -> bool:
        """Return the word of the class written for Nova."""
        return bool(self._nova.host_passes(HostState(host_state, spec), RequestSpec(spec)))


class NovaWeigher:
    """A weigher: Nova's ``_weigh_object`` sees Nova's shapes.

    :param nova: the object that was written for Nova.
    :ivar multiplier: what the configuration gives.
    :ivar multiplier_option: the aggregate metadata that overrides it, or None.
    :ivar negate: the class turns the sign of the multiplier.
    :raises PluginError: it has no ``_weigh_object``, a method that is not called here, or a multiplier that cannot be
        told beforehand.
    """

    def __init__(self, nova: object):
        _require(nova, "_weigh_object", not_called=("weigh_objects",))
        self._nova = nova
        self.minval: float | None = getattr(nova, "minval", None)
        self.maxval: float | None = getattr(nova, "maxval", None)
        self.multiplier, self.multiplier_option, self.negate = _multiplier(nova)

    def weigh(self, host_state: ours.HostState, spec: request_spec.RequestSpec) -> float:
        """Return the raw weight that the class written for Nova gives."""
        return self._nova._weigh_object(HostState(host_state, spec), RequestSpec(spec))


def _require(nova: object, method: str, *, not_called: tuple[str, ...]) -> None:
    name = type(nova).__name__
    if not callable(getattr(nova, method, None)):
        raise PluginError(f"{name} has no method {method}")
    own = {n for cls in type(nova).__mro__ if cls.__module__.partition(".")[0] != "nova" for n in vars(cls)}
    for unused in not_called:
        if unused in own:
            raise PluginError(f"{name} has a method {unused} of its own, which corenova does not call")


class _Metadata:
    """Aggregate metadata that notes what is looked up in it and answers ``value``, if that is not None."""

    def __init__(self, value: str | None):
        self._value = value
        self.read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        self.read.add(key)
        return self._value is not None

    def __getitem__(self, key: str) -> str:
        if key not in self:
            raise KeyError(key)
        return str(self._value)

    def get(self, key: str, default: object = None) -> object:
        """As of a dict."""
        self.read.add(key)
        return default if self._value is None else self._value


def _multiplier(nova: object) -> tuple[float, str | None, bool]:
    """Return the multiplier without its sign, the aggregate metadata that overrides it, and whether it is negated.

    Ours is one number that one key of aggregate metadata may override. Nova's is a method; so it is asked about a host
    without facts, and what it does with aggregates is tried out.
    """
    base, read = _asked(nova, None)
    if not read:
        return base, None, False
    overridden = [_asked(nova, value)[0] for value in ("2.0", "3.0")]
    signs = {(2.0, 3.0): 1.0, (-2.0, -3.0): -1.0}
    sign = signs.get((overridden[0], overridden[1]))
    if len(read) > 1 or sign is None:
        raise PluginError(
            f"weight_multiplier of {type(nova).__name__} is neither one number nor one that aggregate metadata "
            f"overrides by get_weight_multiplier (it reads {', '.join(sorted(read))})"
        )
    return base * sign, read.pop(), sign < 0


def _asked(nova: object, value: str | None) -> tuple[float, set[str]]:
    method = getattr(nova, "weight_multiplier", None)
    if method is None:
        return 1.0, set()
    metadata = _Metadata(value)
    probe = SimpleNamespace(host="any host", aggregates=[SimpleNamespace(name="any aggregate", metadata=metadata)])
    try:
        multiplier = float(method(probe))
    except Exception as error:
        raise PluginError(
            f"weight_multiplier of {type(nova).__name__} cannot be told for all hosts: {words(error)}"
        ) from error
    if not math.isfinite(multiplier):
        raise PluginError(f"weight_multiplier of {type(nova).__name__} is {multiplier}, which is no finite number")
    return multiplier, metadata.read
