"""The guards of the image and network backends: faults become BackendFault (503), and lies never get in.

A backend is asked inside the transaction that its answer belongs to. The fault rolls that back, so nothing is half
written, and the same request may succeed later. Errors of the database are answers, too: whoever owns the transaction
knows which of them to try again.

Each verb has a breaker of its own, so that a broken ``plan`` does not keep ports from being released; it opens when
call after call of the verb fails, and what is refused then costs nobody the time to find out. A call that does not
come back holds its transaction, and nobody can end it from outside: it is told as an alarm, and that is all.
"""

from collections.abc import Mapping
from types import MappingProxyType

from oslo_config import cfg
from oslo_db.exception import DBError, RetryRequest
from sqlalchemy.exc import DBAPIError

from corenova.account import words
from corenova.contracts.image import ImageBackend
from corenova.contracts.network import NetworkBackend
from corenova.exceptions import BackendFault, CorenovaError, PluginError
from corenova.guards.breakers import BreakerSet
from corenova.guards.calls import Call, Check, Guard, brief, need, returns, verbs_of
from corenova.loader import IMAGE_BACKENDS, KINDS, NETWORK_BACKENDS, Plugin
from corenova.objects.image import ImageAccess
from corenova.objects.network import Firewall, Nic, SecurityGroup
from corenova.objects.request_spec import ImageMeta

_ANSWERS = (CorenovaError, DBError, RetryRequest, DBAPIError)


class BackendGuard(Guard):
    """Stands for an image or network backend; has what the plug-in has beside the verbs of its contract.

    :raises PluginError: a verb of the contract is missing.
    """

    def __init__(self, plugin: Plugin, conf: cfg.ConfigOpts):
        protocol, checks = _CONTRACTS[plugin.group]
        kind = KINDS[plugin.group]
        missing = [verb for verb in verbs_of(protocol) if not callable(getattr(plugin.object, verb, None))]
        if missing:
            raise PluginError(
                f"The {kind.noun} {plugin.name} of {plugin.distribution} cannot be used: it has no "
                f"{', '.join(missing)}. Mend {plugin.distribution}, or name another {kind.option}."
            )
        breakers = plugin.account.breaker = BreakerSet(
            f"{{}} of {kind.noun} {plugin.name}", faults=conf.plugins.breaker_faults, open_s=conf.plugins.breaker_open_s
        )
        super().__init__(plugin, verbs_of(protocol), answers=_ANSWERS, checks=checks, breakers=breakers)
        self._timeout_s = conf.plugins.plugin_timeout_s
        self._service = kind.noun.removesuffix(" backend")

    def limit_s(self, verb: str) -> float:
        """See Guard."""
        return self._timeout_s

    def refusal(self, call: Call, error: BaseException) -> Exception:
        """See Guard. Users read it: the log has the name and what has happened."""
        self._breakers.ended(call.verb, fault=words(error))
        if call.verb == "start":
            plugin = self.plugin
            return PluginError(f"The {self.label} of {plugin.distribution} cannot be started: {words(error)}")
        return self.switched_off(call.verb)

    def switched_off(self, verb: str) -> Exception:
        """See Guard."""
        return BackendFault(f"The {self._service} service has failed. Try again later.")

    def hung(self, call: Call, what: str) -> None:
        """See Guard."""
        self._breakers.ended(call.verb, fault=what)

    def alarms(self) -> list[str]:
        """See Guard; also verbs that are refused after faults."""
        return [*super().alarms(), *self._breakers.alarms()]


def _each(kind: type) -> Check:
    def check(answer: object, arguments: tuple) -> None:
        _list_of(kind, answer)

    return check


def _list_of(kind: type, answer: object) -> None:
    need(isinstance(answer, (list, tuple)), f"it returned {brief(answer)}, and no list")
    for one in answer:
        need(isinstance(one, kind), f"it returned {brief(one)} in a list of {kind.__name__}")


def _plan(answer: object, arguments: tuple) -> None:
    need(getattr(answer, "is_empty", None) in (True, False), f"a plan is {brief(answer)}, without is_empty")


def _allocated(answer: object, arguments: tuple) -> None:
    servers = arguments[2]
    fine = isinstance(answer, (list, tuple)) and len(answer) == len(servers)
    need(fine, f"it returned {brief(answer)} for {len(servers)} servers")
    for nics in answer:
        _list_of(Nic, nics)


def _firewalls(answer: object, arguments: tuple) -> None:
    need(isinstance(answer, dict), f"it returned {brief(answer)}, and no dict")
    need(answer.keys() <= set(arguments[1]), "it tells of servers that nobody has asked for")
    for walls in answer.values():
        _list_of(Firewall, walls)


_OF_IMAGES: Mapping[str, Check] = MappingProxyType(
    {
        "find_image": returns(ImageMeta),
        "reading": returns(ImageAccess, or_none=True),
        "writing": returns(ImageAccess, or_none=True),
        "has_bytes": returns(bool),
    }
)
_OF_NETWORKS: Mapping[str, Check] = MappingProxyType(
    {
        "plan": _plan,
        "allocate": _allocated,
        "attach": returns(Nic),
        "firewalls": _firewalls,
        "affected": _each(str),
        "security_groups": _each(SecurityGroup),
    }
)
_CONTRACTS = MappingProxyType(
    {IMAGE_BACKENDS: (ImageBackend, _OF_IMAGES), NETWORK_BACKENDS: (NetworkBackend, _OF_NETWORKS)}
)
