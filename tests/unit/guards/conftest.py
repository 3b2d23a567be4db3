"""A driver and backends that answer as a test wants, behind their guards."""

import contextlib
import logging

import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova import loader
from corenova.contracts.driver import Abilities, DriverContext
from corenova.guards.backends import BackendGuard
from corenova.guards.driver import DriverGuard
from corenova.loader import Plugin
from corenova.objects.host_state import HostReport, Inventory

OWNER = "ours"


def report(host="h1", **more):
    facts = {"inventories": {"VCPU": Inventory(total=8)}, "traits": ("CUSTOM_FAST",), **more}
    return HostReport(host=host, hypervisor_type="toy", hypervisor_version=1, **facts)


class ToyDriver:
    """The required verbs; ``answers`` has by verb what is returned, or raised, or called."""

    abilities = Abilities(supports_console_output=True)

    def __init__(self):
        self.answers = {"hosts": ["h1", "h2"], "inventory": report, "list_guests": [], "get_power_state": 1}
        self.calls = []

    def _answer(self, verb, *arguments):
        self.calls.append(verb)
        answer = self.answers.get(verb)
        if isinstance(answer, BaseException):
            raise answer
        return answer(*arguments) if callable(answer) else answer

    def start(self, context):
        return self._answer("start")

    def stop(self):
        return self._answer("stop")

    def hosts(self):
        return self._answer("hosts")

    def inventory(self, host):
        return self._answer("inventory", host)

    def list_guests(self, host):
        return self._answer("list_guests", host)

    def get_power_state(self, host, instance_uuid):
        return self._answer("get_power_state")

    def spawn(self, host, instance):
        return self._answer("spawn", host)

    def destroy(self, host, instance_uuid):
        return self._answer("destroy", host)

    def power_on(self, host, instance):
        return self._answer("power_on")

    def power_off(self, host, instance_uuid, *, timeout_s):
        return self._answer("power_off")

    def reboot(self, host, instance, *, hard):
        return self._answer("reboot")

    def get_console_output(self, host, instance_uuid, *, most_bytes):
        return self._answer("get_console_output")


def parsed(**overrides):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([])
    for option, value in overrides.items():
        section, _, name = option.partition("__")
        conf.set_override(name, value, group=section)
    return conf


def guarded_driver(driver, **overrides):
    guard = DriverGuard(Plugin("toy", driver, "toys", group=loader.DRIVERS), parsed(**overrides))
    guard.start(DriverContext(state_path="/nowhere", deployment_id=OWNER, address="c1"))
    return guard


def guarded_backend(backend, group, **overrides):
    return BackendGuard(Plugin("toy", backend, "toys", group=group), parsed(**overrides))


@pytest.fixture
def driver():
    return ToyDriver()


@pytest.fixture
def guard(driver):
    return guarded_driver(driver)


@contextlib.contextmanager
def silence():
    """Faults by the hundred: their tracebacks would take most of the time."""
    logger = logging.getLogger("corenova.guards.calls")
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(logging.NOTSET)
