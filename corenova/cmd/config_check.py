"""What is wrong with an ini file: values that cannot be read stop the start, unknown names get one warning each."""

import difflib
import logging
import re
from collections.abc import Iterator

from oslo_config import cfg, iniparser

from corenova import loader

LOG = logging.getLogger(__name__)
_BY_OSLO = re.compile(r"Value for option (\S+) from LocationInfo\(location=.*?, detail='(.*?)'\) is not valid")


class _Names(iniparser.BaseParser):
    """Collects (section, option) names with their line numbers."""

    def __init__(self):
        super().__init__()
        self.section = "DEFAULT"
        self.found: list[tuple[str, str]] = []

    def new_section(self, section: str) -> None:
        """A section begins."""
        self.section = section

    def assignment(self, key: str, value: list[str]) -> None:
        """An option is set."""
        self.found.append((self.section, key))


def options_of(conf: cfg.ConfigOpts) -> dict[str, dict[str, cfg.Opt]]:
    """Return every registered option by section and name (as in an ini file, with old names too)."""
    found: dict[str, dict[str, cfg.Opt]] = {"DEFAULT": {}}
    for section, registered in [("DEFAULT", conf._opts), *((n, g._opts) for n, g in conf._groups.items())]:
        for info in registered.values():
            opt = info["opt"]
            found.setdefault(section, {})[opt.name] = opt
            found[section].setdefault(opt.dest, opt)
            for old in opt.deprecated_opts:
                found.setdefault(old.group or section, {})[old.name or opt.name] = opt
    return found


def check_values(conf: cfg.ConfigOpts) -> None:
    """Read every option once. Raises cfg.Error with file, option and cause for a value that cannot be read."""
    for section, opts in options_of(conf).items():
        for opt in opts.values():
            group = None if section == "DEFAULT" else section
            try:
                value = getattr(conf if group is None else conf[group], opt.dest)
                del value
            except (cfg.ConfigFileValueError, ValueError) as error:
                file = location(conf, opt, group)
                cause = str(error).partition(" is not valid: ")[2] or error
                raise cfg.ConfigFileValueError(
                    f"[{section}] {opt.name} in {file} is not valid: {cause}. Mend or remove it."
                ) from None
            except (cfg.NoSuchOptError, cfg.RequiredOptError, cfg.TemplateSubstitutionError):
                continue


def sentence(error: Exception) -> str:
    """Return what an error says in one line, with oslo.config's account of a place in words."""
    return _BY_OSLO.sub(r"\1 in \2 is not valid", " ".join(str(error).split()))


def location(conf: cfg.ConfigOpts, opt: cfg.Opt, group: str | None) -> str:
    """Return where the value of an option comes from: a file's name, ``command line`` or ``default``."""
    try:
        found = conf.get_location(opt.dest, group)
    except (cfg.Error, ValueError):
        found = None
    if found is None or found.location.name in ("opt_default", "set_default"):
        for path in conf.config_file or []:
            if (group or "DEFAULT", opt.name) in _names(path):
                return path
        return "default"
    return found.detail if found.location.name == "user" else found.location.name.replace("_", " ")


def unknown(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield one sentence for every section or option in the ini files that nobody reads.

    To be asked once the plug-ins are loaded: their options are known from then on.
    """
    known = options_of(conf)
    reported = set()
    for path in _files(conf):
        for section, option in _names(path):
            if section not in known:
                if any(section in loader.offered(group) for group in loader.KINDS):
                    continue  # options of a plug-in that is installed but not enabled
                found = f"{path}: there is no section [{section}]{_nearest(section, known)}"
            elif option not in known[section]:
                found = f"{path}: there is no option {option} in [{section}]{_nearest(option, known[section])}"
            else:
                continue
            if found not in reported:
                reported.add(found)
                yield found


def warn_unknown(conf: cfg.ConfigOpts) -> None:
    """Log :func:`unknown` as warnings."""
    for sentence in unknown(conf):
        LOG.warning("%s", sentence)


def _nearest(name: str, known: dict) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else "; it is ignored."


def _files(conf: cfg.ConfigOpts) -> list[str]:
    import glob

    folders = conf.config_dir if isinstance(conf.config_dir, list) else [conf.config_dir] if conf.config_dir else []
    return [*(conf.config_file or []), *(p for d in folders for p in sorted(glob.glob(f"{d}/*.conf")))]


def _names(path: str) -> list[tuple[str, str]]:
    parser = _Names()
    with open(path, encoding="utf-8") as file:
        parser.parse(file)
    return parser.found
