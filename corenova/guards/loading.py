"""Which guard stands for a plug-in of which kind."""

from oslo_config import cfg

from corenova import loader
from corenova.guards.backends import BackendGuard
from corenova.guards.driver import DriverGuard

GUARDS = {loader.DRIVERS: DriverGuard, loader.IMAGE_BACKENDS: BackendGuard, loader.NETWORK_BACKENDS: BackendGuard}
"""By entry point group: services call these kinds through a guard, which looks first whether the contract is kept."""


def load(conf: cfg.ConfigOpts, group: str, name: str) -> DriverGuard | BackendGuard:
    """Load the driver or backend ``name`` as a service does; raises PluginError."""
    return GUARDS[group](loader.load_one(conf, group, name), conf)
