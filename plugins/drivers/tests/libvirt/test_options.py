"""The options of the libvirt driver: each has help and a place in the README, and what makes no sense is refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from oslo_config import cfg

from corenova.exceptions import ConfigurationError
from corenova_drivers.libvirt.options import OPTIONS

README = (Path(__file__).parents[2] / "README.md").read_text()
ROWS = README[README.index("## The libvirt driver") :].splitlines()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_explained_with_its_default(option):
    assert option.help
    row = next(line for line in ROWS if line.startswith(f"| `{option.name}` |"))
    shown = "" if option.default in (None, [], "") else str(option.default)
    shown = shown.lower() if isinstance(option.default, bool) else shown
    assert row.split("|")[2].strip() == shown, row


@pytest.mark.parametrize(
    ("name", "value"),
    [("virt_type", "xen"), ("cpu_mode", "fast"), ("cpu_allocation_ratio", 0), ("num_pcie_ports", 99),
     ("wait_soft_reboot_seconds", 0), ("connect_timeout_s", 0)],
)  # fmt: skip
def test_absurd_values_are_refused(tmp_path, name, value):
    ini = tmp_path / "corenova.conf"
    ini.write_text(f"[libvirt]\n{name} = {value}\n")
    conf = cfg.ConfigOpts()
    conf.register_opts(OPTIONS, group="libvirt")
    with pytest.raises((cfg.ConfigFileValueError, ValueError)):
        conf(["--config-file", str(ini)])
        getattr(conf.libvirt, name)


def test_without_the_binding_the_options_are_there_and_the_driver_says_what_to_install():
    program = """
import sys
sys.modules["libvirt"] = None
from corenova_drivers.libvirt.driver import LibvirtDriver
assert LibvirtDriver.options
LibvirtDriver()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "libvirt-python is missing" in done.stderr.splitlines()[-1]


def test_sets_of_cpus_are_read_and_nonsense_is_refused():
    pytest.importorskip("libvirt", reason="libvirt-python is not installed: run tools/install-libvirt")
    from corenova_drivers.libvirt.inventory import cpu_set

    assert cpu_set(["0", "4-6", " 9"]) == {0, 4, 5, 6, 9}
    with pytest.raises(ConfigurationError, match="cpu_dedicated_set"):
        cpu_set(["4-x"])
