"""Options explain themselves, the samples are those of the code, and the ini file that is shipped works as it is."""

import subprocess
import sys
from pathlib import Path

from oslo_config import cfg

from corenova import conf as options
from corenova.cmd import config_check, process, samples

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "etc" / "corenova"


def test_every_option_has_help():
    sections = [*options.list_opts(), *samples.plugin_options()]
    assert {"DEFAULT", "filter_scheduler", "fake"} <= {section for section, _ in sections}
    silent = [f"[{section}] {opt.name}" for section, opts in sections for opt in opts if not (opt.help or "").strip()]
    assert not silent


def test_the_samples_have_not_drifted():
    assert not samples.drift(ROOT), "Run `make samples`."


def test_drift_is_noticed(tmp_path: Path):
    """Also that writing makes it go away, and that the command's exit code tells."""
    command = [sys.executable, "-m", "corenova.cmd.samples"]
    assert subprocess.run([*command, tmp_path], capture_output=True, timeout=60).returncode == 0
    assert not samples.drift(tmp_path)
    sample = tmp_path / "etc" / "corenova" / "corenova.conf.sample"
    sample.write_text(sample.read_text().replace("#state_path = ./state", "#state_path = /elsewhere"))
    assert "+#state_path = ./state" in samples.drift(tmp_path)
    assert subprocess.run([*command, "--check", tmp_path], capture_output=True, timeout=60).returncode == 1


def test_the_shipped_ini_is_read_without_a_word():
    conf = cfg.ConfigOpts()
    process.configure(conf, ["--config-file", str(FOLDER / "corenova.conf")], prog="corenova-all")
    assert not list(config_check.unknown(conf))
    for section, opts in samples.plugin_options():
        conf.register_opts(opts, group=section)
    config_check.check_values(conf)
    assert not list(config_check.unknown(conf))  # now those of plug-ins as well
    assert conf.fake.hosts == 20
