"""The kinds of plug-ins, each by its entry point group, and what a loaded plug-in is."""

from types import ModuleType

import msgspec

from corenova.account import Account
from corenova.contracts import driver, filter, hooks, image, network, weigher
from corenova.objects.plugin_account import PluginAccount

FILTERS = "corenova.scheduler.filters"
WEIGHERS = "corenova.scheduler.weighers"
DRIVERS = "corenova.compute.drivers"
NETWORK_BACKENDS = "corenova.network.backends"
HOOKS = "corenova.hooks"
IMAGE_BACKENDS = "corenova.image.backends"


class Kind(msgspec.Struct, frozen=True):
    """A kind of plug-in.

    :param noun: as people say it ("filter").
    :param option: the option whose value chooses from the group, ``[section] name``.
    :param contract: the module that is its contract.
    """

    noun: str
    option: str
    contract: ModuleType

    @property
    def version(self) -> tuple[int, int]:
        """The version of the contract that this corenova speaks."""
        return self.contract.CONTRACT_VERSION


KINDS = {
    FILTERS: Kind("filter", "[filter_scheduler] enabled_filters", filter),
    WEIGHERS: Kind("weigher", "[filter_scheduler] weight_classes", weigher),
    DRIVERS: Kind("driver", "[compute] driver", driver),
    NETWORK_BACKENDS: Kind("network backend", "[network] backend", network),
    HOOKS: Kind("hook plug-in", "[plugins] enabled_hooks", hooks),
    IMAGE_BACKENDS: Kind("image backend", "[image] backend", image),
}
"""Every kind by its entry point group."""


class Plugin(msgspec.Struct, frozen=True):
    """A loaded plug-in: its entry point's name, the object, and the distribution that brought it.

    :param contract: the contract version that it says it was written for; None: it does not say.
    :param account: what it does in this process.
    """

    name: str
    object: object
    distribution: str
    version: str = ""
    group: str = ""
    contract: tuple[int, int] | None = None
    account: Account = msgspec.field(default_factory=Account)

    def told(self) -> PluginAccount:
        """Return its account as it stands now."""
        account = self.account
        return PluginAccount(
            group=self.group,
            name=self.name,
            distribution=self.distribution,
            version=self.version,
            contract=shown(self.contract),
            calls=account.calls,
            seconds=account.seconds,
            faults=account.faults,
            last_fault=account.last_fault,
            breaker=account.state,
        )


def shown(version: tuple[int, int] | None) -> str:
    """Return a contract version as people read it; empty for None."""
    return "" if version is None else "{}.{}".format(*version)
