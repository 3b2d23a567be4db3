"""The only place where a pluggy manager is built: finds out who implements which hook, and calls them.

pluggy checks what a plug-in implements. The calls are ours, because pluggy waits for each and stops at the first one
that raises: what is told goes into a queue of the plug-in, who is asked answers in threads of its own (threads.py). A
hook that nobody implements costs one look into a table.
"""

import inspect
import re
import time
from collections.abc import Callable, Iterable, Mapping

import pluggy
from oslo_config import cfg

from corenova import loader
from corenova.account import FAULTS, words
from corenova.contracts.hooks import PROJECT, AdminRoute, HookSpecs
from corenova.exceptions import NotFound, PluginError, Vetoed
from corenova.hooks.listener import Implementation, Limits, Listener
from corenova.loader import Plugin
from corenova.objects.plugin_account import PluginAccount

_SPECS = {name: getattr(value, f"{PROJECT}_spec", None) for name, value in vars(HookSpecs).items()}
HOOKS = {
    name: tuple(inspect.signature(getattr(HookSpecs, name)).parameters)[1:]
    for name, spec in _SPECS.items()
    if spec is not None
}
"""The arguments of every hook of the contract."""
_HISTORIC = frozenset(name for name in HOOKS if _SPECS[name]["historic"])
ROUTE_PATH = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
"""What the path of an admin route may be."""
_UNSUPPORTED = ("wrapper", "hookwrapper", "tryfirst", "trylast")
"""Marks of pluggy that mean nothing where every plug-in is called by itself."""


class Hooks:
    """The enabled hook plug-ins of this process.

    :param plugins: as the loader gives them, in the order in which veto hooks are asked.
    :ivar options: what plug-ins add to the configuration by ``config_options``: (section, options).
    :raises PluginError: see :meth:`register`.
    """

    def __init__(self, plugins: Iterable[Plugin] = (), limits: Limits = Limits()):
        self.options: list[tuple[str, list[cfg.Opt]]] = []
        self._limits = limits
        self._listeners: list[Listener] = []
        self._routes: dict[tuple[str, str], tuple[Listener, AdminRoute]] = {}
        self._past: list[tuple[str, dict[str, object]]] = []
        self._table: dict[str, tuple[Implementation, ...]] = dict.fromkeys(HOOKS, ())
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(HookSpecs)
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: Plugin) -> None:
        """Let one more plug-in listen; it is told at once of the historic calls that it has missed.

        :raises PluginError: it implements a hook that does not exist, asks for an unknown argument, has a mark of
            pluggy that is not supported, or its options or routes cannot be used; then it does not listen.
        """
        listener = Listener(plugin, self._limits)
        try:
            self._manager.register(plugin.object, name=plugin.name)
            self._manager.check_pending()
            found = self._implementations(listener)
            for hook, arguments in self._past:
                for _, implementation in filter(lambda one: one[0] == hook, found):
                    self._tell(hook, implementation, arguments)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise self._refused(plugin, str(error)) from error
        self._listeners.append(listener)
        for hook, implementation in found:
            self._table[hook] += (implementation,)

    def _implementations(self, listener: Listener) -> list[tuple[str, Implementation]]:
        found = []
        for hook in HOOKS:
            for written in getattr(self._manager.hook, hook).get_hookimpls():
                if written.plugin_name != listener.plugin.name:
                    continue
                marks = [mark for mark in _UNSUPPORTED if written.opts[mark]]
                if marks:
                    raise ValueError(f"{hook} is marked with {marks[0]}, which is not supported")
                found.append((hook, Implementation(listener, written.function, written.argnames)))
        return found

    def _refused(self, plugin: Plugin, why: str) -> PluginError:
        if self._manager.get_plugin(plugin.name) is plugin.object:
            self._manager.unregister(name=plugin.name)
            self._routes = {place: route for place, route in self._routes.items() if place[0] != plugin.name}
        return PluginError(
            f"Hook plug-in {plugin.name} of {plugin.distribution} cannot be used: {' '.join(why.split())}. Mend "
            f"{plugin.distribution}, or take {plugin.name} out of [plugins] enabled_hooks."
        )

    @property
    def plugins(self) -> list[Plugin]:
        """All that are registered, in their order."""
        return [listener.plugin for listener in self._listeners]

    @property
    def faults(self) -> dict[str, int]:
        """The number of faults of each plug-in that had any."""
        return {plugin.name: plugin.account.faults for plugin in self.plugins if plugin.account.faults}

    def listens(self, hook: str) -> bool:
        """Tell whether any plug-in implements ``hook``: if none does, nothing need be prepared for telling."""
        return bool(self._table[hook])

    def call(self, hook: str, **arguments: object) -> None:
        """Tell everybody who listens to ``hook``, and whoever is registered later if it is historic.

        Returns at once and raises nothing of a plug-in's, but for ``config_options`` and ``api_routes``, which are
        asked here and now, and once.

        :raises PluginError: what one of these two returns cannot be used.
        """
        if hook in _HISTORIC:
            if hook in _TAKERS and any(before == hook for before, _ in self._past):
                return
            self._past.append((hook, arguments))
        for implementation in self._table[hook]:
            try:
                self._tell(hook, implementation, arguments)
            except ValueError as error:
                raise self._refused(implementation.listener.plugin, str(error)) from error

    def _tell(self, hook: str, implementation: Implementation, arguments: dict[str, object]) -> None:
        call, take = implementation.bound(arguments), _TAKERS.get(hook)
        if take is None:
            implementation.listener.tell(call)
            return
        try:
            take(self, implementation.listener, call(), **arguments)
        except FAULTS as error:
            raise ValueError(f"{hook}: {words(error)}") from error

    def ask(self, hook: str, **arguments: object) -> None:
        """Ask everybody who may say no, one after the other.

        :raises Vetoed: one refuses, with its reason; or has failed, and who that was.
        """
        for implementation in self._table[hook]:
            reason = implementation.listener.ask(implementation.bound(arguments))
            if reason is not None:
                raise Vetoed(reason)

    def answer(self, plugin: str, path: str, query: Mapping[str, str]) -> bytes:
        """Return what an admin route of a plug-in answers, as JSON; see :meth:`Listener.answer`.

        :raises NotFound: there is no such route.
        """
        if (plugin, path) not in self._routes:
            raise NotFound(f"No hook plug-in {plugin} that is enabled here offers {path}.")
        listener, route = self._routes[plugin, path]
        return listener.answer(route, query)

    def alarms(self) -> list[str]:
        """Return one sentence for each thing that operators should read; gives up calls that hang."""
        return [alarm for listener in self._listeners for alarm in listener.alarms()]

    def drain(self, timeout_s: float) -> bool:
        """Wait until all has been told, at most ``timeout_s``; tell whether it was."""
        deadline = time.monotonic() + timeout_s
        return all(listener.drain(deadline) for listener in self._listeners)

    def _take_options(self, listener: Listener, returned: object, conf: cfg.ConfigOpts) -> None:
        for section, options in dict(returned).items():
            group = None if section == "DEFAULT" else section
            conf.register_opts(options, group=group)
            for option in options:  # a value that cannot be read stops the start, whenever it will be wanted
                getattr(conf if group is None else conf[group], option.dest)
            self.options.append((section, list(options)))

    def _take_routes(self, listener: Listener, returned: object) -> None:
        for route in returned:
            if not isinstance(route, AdminRoute) or not ROUTE_PATH.fullmatch(route.path) or not callable(route.answer):
                raise ValueError(f"{getattr(route, 'path', route)!r} is no AdminRoute with a path and an answer")
            place = (listener.plugin.name, route.path)
            if place in self._routes:
                raise ValueError(f"{route.path} is there twice")
            self._routes[place] = (listener, route)


_TAKERS: dict[str, Callable[..., None]] = {"config_options": Hooks._take_options, "api_routes": Hooks._take_routes}
"""Hooks that are called in the starting thread, and what is done with what they return."""


def load(conf: cfg.ConfigOpts, *, left_out: list[PluginAccount] | None = None) -> Hooks:
    """Load the plug-ins that ``[plugins] enabled_hooks`` names, make the options that they add known to ``conf``, and
    take the resources that they add to the API.

    :param left_out: takes the accounts of those that ``[plugins] optional`` names and that could not be loaded.
    :raises PluginError: one cannot be loaded or registered.
    """
    section = conf.plugins
    hooks = Hooks(limits=Limits(**{name: section[name] for name in Limits.__struct_fields__}))
    hooks.call("config_options", conf=conf)
    hooks.call("api_routes")
    for plugin in loader.load(conf, loader.HOOKS, section.enabled_hooks, left_out=left_out):
        try:
            hooks.register(plugin)
        except PluginError as error:
            loader.leave_out(conf, loader.HOOKS, plugin.name, error, left_out)
    return hooks
