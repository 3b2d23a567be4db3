"""One entry point to a plug-in, step by step, each with its own word when it fails: the only importer of stevedore."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from oslo_config import cfg
from stevedore.named import NamedExtensionManager

from corenova.account import FAULTS, words
from corenova.exceptions import PluginError
from corenova.loader.installed import owner
from corenova.loader.kinds import KINDS, Plugin, shown


class Offer:
    """An entry point that was found once and may load."""

    def __init__(self, group: str, name: str, entry_point: metadata.EntryPoint):
        self.kind, self.group, self.name, self.entry_point = KINDS[group], group, name, entry_point
        self.distribution, version = owner(entry_point)
        self.version = version or ""
        self.label = f"Plug-in {name} ({entry_point.value}) of {self.distribution} {self.version}".rstrip()

    def load(self, conf: cfg.ConfigOpts) -> Plugin:
        """Import, check, construct, configure; raises PluginError, whatever the plug-in raises."""
        mend = f"Mend {self.distribution}"
        with self._step("failed to load", mend):
            written = _Chosen(self.group, self.entry_point).extensions[0].plugin
            said = getattr(written, "contract_version", None)
        contract = self._contract(said)
        with self._step("cannot be constructed", mend):
            made = written()
        with self._step("cannot be configured", f"Mend [{self.name}] in the ini file or {self.distribution}"):
            self._configure(conf, made)
        return Plugin(self.name, made, self.distribution, self.version, self.group, contract)

    @contextmanager
    def _step(self, failed: str, remedy: str) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            if isinstance(error, ImportError):
                remedy = f"Install what {self.distribution} needs"
            cause = " ".join(words(error).split())
            raise PluginError(
                f"{self.label}, named by {self.kind.option}, {failed}: {cause}. {remedy}, or take {self.name} out of "
                "that option."
            ) from error

    def _contract(self, said: object) -> tuple[int, int] | None:
        if said is None:
            return None
        if not (isinstance(said, tuple) and len(said) == 2 and all(type(part) is int for part in said)):
            raise PluginError(
                f"{self.label} has contract_version = {said!r}. It must be two whole numbers, as (1, 0). Mend "
                f"{self.distribution}, or take {self.name} out of {self.kind.option}."
            )
        spoken = self.kind.version
        if said[0] == spoken[0] and said[1] <= spoken[1]:
            return said
        remedy = (
            f"Upgrade corenova, or install an older {self.distribution}"
            if said > spoken
            else f"Install a newer {self.distribution}"
        )
        raise PluginError(
            f"{self.label} was written for the {self.kind.noun} contract {shown(said)}; this corenova speaks "
            f"{shown(spoken)}. {remedy}, or take {self.name} out of {self.kind.option}."
        )

    def _configure(self, conf: cfg.ConfigOpts, made: object) -> None:
        options = getattr(made, "options", None)
        if not options:
            return
        conf.register_opts(options, group=self.name)
        section = getattr(conf, self.name)
        for option in options:  # a value that cannot be read stops the start, whenever the plug-in will want it
            getattr(section, option.dest)
        made.configure(section)


class _Chosen(NamedExtensionManager):
    """Loads this entry point and no other.

    stevedore would look for the name itself, in a cache on disk, and might load what nobody has held against
    ``[plugins] allowed_distributions``.
    """

    def __init__(self, group: str, entry_point: metadata.EntryPoint):
        self._entry_point = entry_point
        super().__init__(group, [entry_point.name], on_load_failure_callback=_reraise)

    def list_entry_points(self) -> list[metadata.EntryPoint]:
        return [self._entry_point]


def _reraise(_manager: object, _entry_point: object, error: Exception) -> None:
    raise error
