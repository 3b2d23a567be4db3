"""What all suites share: the plug-in under test, found or given, with its options."""

from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from oslo_config import cfg

from corenova import loader
from corenova.exceptions import PluginError
from corenova.testing.configuration import Ini, configuration

DRAWN = settings(
    max_examples=25,
    deadline=None,
    database=None,  # no folder is left in the author's tree
    print_blob=False,
    phases=(Phase.generate, Phase.shrink),  # what Phase.explain adds takes seconds and names lines of ours
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)
"""How tests on drawn examples run: each is quick, and shared by the classes that inherit it."""


class PluginSuite:
    """One plug-in and its options; the suites inherit from it.

    :cvar plugin: the name of its entry point, or the class, which need not be installed.
    :cvar ini: options by section, as in an ini file.
    :cvar config_files: ini files to read before.
    """

    group: ClassVar[str]
    plugin: ClassVar[str | type]
    ini: ClassVar[Ini] = {}
    config_files: ClassVar[Sequence[str]] = ()

    @classmethod
    def configuration(cls, ini: Ini | None = None) -> cfg.ConfigOpts:
        """Return the configuration that the plug-in's section is read from.

        :param ini: options over those of the class.
        """
        merged = {section: dict(options) for section, options in cls.ini.items()}
        for section, options in (ini or {}).items():
            merged.setdefault(section, {}).update(options)
        return configuration(merged, files=cls.config_files)

    @classmethod
    def load(cls, ini: Ini | None = None) -> loader.Plugin:
        """Return the plug-in, constructed and configured as a service does it; a new one at each call.

        Fails the test when it does not load.
        """
        if not hasattr(cls, "plugin"):
            pytest.fail(f"{cls.__name__} names no plug-in: plugin = the name of an entry point, or a class", False)
        conf = cls.configuration(ini)
        named = isinstance(cls.plugin, str)
        try:
            return loader.load_one(conf, cls.group, cls.plugin if named else loader.give(conf, cls.group, cls.plugin))
        except PluginError as error:
            pytest.fail(str(error), pytrace=False)

    @classmethod
    def kept(cls) -> loader.Plugin:
        """Return the plug-in, the same at each call: for drawn examples, of which there are many."""
        if "_kept" not in vars(cls):
            cls._kept = cls.load()
        return cls._kept
