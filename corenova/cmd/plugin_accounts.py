"""The plug-ins of this process: what it has loaded and left out, and what its services tell of them.

Drivers and backends are loaded through here; what loads filters, weighers and hooks adds them.
"""

from collections.abc import Callable, Iterable

import msgspec
from oslo_config import cfg

from corenova import loader
from corenova.db import services
from corenova.loader import Plugin
from corenova.objects.plugin_account import PluginAccount
from corenova.objects.work import storable

USED = {
    services.API: (loader.HOOKS, loader.IMAGE_BACKENDS, loader.NETWORK_BACKENDS),
    services.CONDUCTOR: (loader.HOOKS, loader.IMAGE_BACKENDS, loader.NETWORK_BACKENDS),
    services.SCHEDULER: (loader.FILTERS, loader.WEIGHERS, loader.HOOKS),
    services.COMPUTE: (loader.DRIVERS, loader.HOOKS),
}
"""The groups that each service calls: it tells of no others, whatever else its process has."""


class Plugins:
    """What one process has of plug-ins.

    :param conf: a parsed configuration.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self._conf = conf
        self._loaded: list[Plugin] = []
        self._left_out: list[PluginAccount] = []
        self._voices: list[tuple[str, Callable[[], Iterable[str]]]] = []

    def load_one(self, group: str, name: str) -> Plugin:
        """Load this one; raises PluginError as loader.load_one does."""
        plugin = loader.load_one(self._conf, group, name)
        self._loaded.append(plugin)
        return plugin

    def add(self, loaded: Iterable[Plugin], left_out: Iterable[PluginAccount] = ()) -> None:
        """Remember what somebody else has loaded, and left out."""
        self._loaded += loaded
        self._left_out += left_out

    def accounts(self, binary: str) -> tuple[PluginAccount, ...]:
        """Return the accounts of those that the service ``binary`` uses."""
        told = [*(plugin.told() for plugin in self._loaded), *self._left_out]
        return tuple(map(_storable, (one for one in told if one.group in USED[binary])))

    def hear(self, group: str, alarms: Callable[[], Iterable[str]]) -> None:
        """Let ``alarms`` say what is wrong with the plug-ins of ``group``, one sentence each."""
        self._voices.append((group, alarms))

    def alarms(self, binary: str) -> tuple[str, ...]:
        """Return one sentence for each thing that is wrong with those that the service ``binary`` uses."""
        said = [alarm for group, alarms in self._voices if group in USED[binary] for alarm in alarms()]
        out = [
            f"{loader.KINDS[one.group].noun} {one.name} is left out: {one.reason}"
            for one in self._left_out
            if one.group in USED[binary]
        ]
        return tuple(" ".join(storable(alarm).split()) for alarm in (*said, *out))


def _storable(account: PluginAccount) -> PluginAccount:
    """Return the account with words that a plug-in may have chosen so that they cannot stop a heartbeat."""
    return msgspec.structs.replace(account, reason=storable(account.reason), last_fault=storable(account.last_fault))
