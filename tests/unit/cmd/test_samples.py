"""The generated sample shows what our own plug-ins add to the configuration, and nobody else's."""

from types import SimpleNamespace

from oslo_config import cfg

from corenova import loader
from corenova.cmd import samples
from corenova.contracts.hooks import hookimpl


class Hook:
    options = [cfg.IntOpt("own")]

    @hookimpl
    def config_options(self, conf):
        return {"further": [cfg.StrOpt("colour"), cfg.IntOpt("number")]}


def test_options_of_hooks_are_in_the_sample(monkeypatch):
    def installed(group):
        owners = ("corenova-drivers", "a-stranger") if group == loader.HOOKS else ()
        return [SimpleNamespace(name=f"hook-of-{o}", dist=SimpleNamespace(name=o), load=lambda: Hook) for o in owners]

    monkeypatch.setattr(samples.metadata, "entry_points", installed)
    assert [(section, [opt.name for opt in opts]) for section, opts in samples.plugin_options()] == [
        ("hook-of-corenova-drivers", ["own"]),
        ("further", ["colour", "number"]),
    ]
