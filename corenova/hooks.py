"""The only place where a pluggy manager is built: hook plug-ins are called one by one, each contained.

pluggy itself stops at the first implementation that raises; here a fault is logged with the plug-in's name and counted,
and the next one is called. A hook that nobody implements costs one look into a list.
"""

import logging
from collections import Counter

import pluggy

from corenova.contracts.hooks import PROJECT, HookSpecs
from corenova.exceptions import PluginError
from corenova.loader import Plugin

LOG = logging.getLogger(__name__)


class Hooks:
    """The enabled hook plug-ins of this process.

    :param plugins: as the loader gives them.
    :raises PluginError: a plug-in implements a hook that does not exist, or asks for an unknown argument.
    """

    def __init__(self, plugins: list[Plugin] = ()):  # type: ignore[assignment]
        self.faults: Counter[str] = Counter()
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(HookSpecs)
        for plugin in plugins:
            try:
                self._manager.register(plugin.object, name=plugin.name)
                self._manager.check_pending()
            except (pluggy.PluginValidationError, ValueError) as error:
                raise PluginError(f"Hook plug-in {plugin.name} of {plugin.distribution}: {error}") from error

    def listens(self, hook: str) -> bool:
        """Tell whether any plug-in implements ``hook``."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def call(self, hook: str, **arguments: object) -> None:
        """Tell everybody who listens to ``hook``; never raises."""
        caller = getattr(self._manager.hook, hook)
        if caller.spec.opts.get("historic"):
            self._contained("?", lambda: caller.call_historic(kwargs=arguments))
            return
        for implementation in reversed(caller.get_hookimpls()):
            chosen = [arguments[name] for name in implementation.argnames]
            self._contained(implementation.plugin_name, lambda f=implementation.function, c=chosen: f(*c))

    def _contained(self, name: str, call: object) -> None:
        try:
            call()
        except Exception:
            self.faults[name] += 1
            LOG.exception("Hook plug-in %s raised; the others are still called", name)
