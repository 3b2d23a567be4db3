"""The options: each has help, a place in the README, and refuses what makes no sense."""

from pathlib import Path

import pytest
from oslo_config import cfg

from corenova_drivers.fake import FakeDriver

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("option", FakeDriver.options, ids=lambda option: option.name)
def test_every_option_is_explained(option):
    assert option.help
    assert f"| `{option.name}` |" in README


def test_the_readme_tells_the_defaults():
    for option in FakeDriver.options:
        row = next(line for line in README.splitlines() if line.startswith(f"| `{option.name}` |"))
        shown = "" if option.default in (None, []) else str(option.default)
        shown = shown.lower() if isinstance(option.default, bool) else shown
        assert row.split("|")[2].strip() == shown, row


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hosts", 0),
        ("vcpus", -1),
        ("ram_allocation_ratio", 0),
        ("spawn_latency_s", -0.1),
        ("spawn_failure_rate", 1.1),
        ("die_after_s", -1),
        ("power_cut", "perhaps"),
    ],
)
def test_absurd_values_are_refused(tmp_path, name, value):
    ini = tmp_path / "corenova.conf"
    ini.write_text(f"[fake]\n{name} = {value}\n")
    conf = cfg.ConfigOpts()
    conf.register_opts(FakeDriver.options, group="fake")
    with pytest.raises((cfg.ConfigFileValueError, ValueError)):
        conf(["--config-file", str(ini)])
        getattr(conf.fake, name)
