"""The only place where a pluggy manager is built: hook plug-ins are called one by one, each contained.

pluggy itself stops at the first implementation that raises; here a fault is logged with the plug-in's name and counted,
and the next one is called. A hook that nobody implements costs one look into a list.
"""

import logging
from collections import Counter
from collections.abc import Iterable

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

    def __init__(self, plugins: Iterable[Plugin] = ()):
        self.faults: Counter[str] = Counter()
        self._past: list[tuple[str, dict[str, object]]] = []
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(HookSpecs)
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: Plugin) -> None:
        """Let one more plug-in listen; it is told at once of the historic calls that it has missed.

        :raises PluginError: it implements a hook that does not exist, or asks for an unknown argument.
        """
        try:
            self._manager.register(plugin.object, name=plugin.name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"Hook plug-in {plugin.name} of {plugin.distribution}: {error}") from error
        for hook, arguments in self._past:
            self._tell(hook, arguments, only=plugin.name)

    def listens(self, hook: str) -> bool:
        """Tell whether any plug-in implements ``hook``."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def call(self, hook: str, **arguments: object) -> None:
        """Tell everybody who listens to ``hook``; never raises."""
        if getattr(self._manager.hook, hook).spec.opts.get("historic"):
            self._past.append((hook, arguments))  # pluggy's own history would stop at the first one that raises
        self._tell(hook, arguments)

    def _tell(self, hook: str, arguments: dict[str, object], *, only: str | None = None) -> None:
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            if only in (None, implementation.plugin_name):
                chosen = [arguments[name] for name in implementation.argnames]
                self._contained(implementation.plugin_name, lambda f=implementation.function, c=chosen: f(*c))

    def _contained(self, name: str, call: object) -> None:
        try:
            call()
        except Exception:
            self.faults[name] += 1
            LOG.exception("Hook plug-in %s raised; the others are still called", name)
