"""Options for tests: sections as a mapping, read as an ini file is."""

import tempfile
from collections.abc import Mapping, Sequence

from oslo_config import cfg

from corenova import conf as options

Ini = Mapping[str, Mapping[str, object]]
"""Options by section; a list is written with commas."""


def text(ini: Ini) -> str:
    """Return ``ini`` as the text of an ini file."""
    return "".join(
        f"[{section}]\n" + "".join(f"{name} = {_value(value)}\n" for name, value in found.items())
        for section, found in ini.items()
    )


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def configuration(ini: Ini | str, *, files: Sequence[str] = ()) -> cfg.ConfigOpts:
    """Return a parsed configuration of these options; sections of plug-ins are read when those are loaded.

    :param ini: by section, or the text of an ini file.
    :param files: ini files that come before.
    """
    conf = cfg.ConfigOpts()
    options.register(conf)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(ini if isinstance(ini, str) else text(ini))
        file.flush()
        arguments = [word for name in (*files, file.name) for word in ("--config-file", name)]
        conf(arguments, default_config_files=[], default_config_dirs=[])
    return conf
