"""Resource classes and traits that the operator of a host adds in files, in the shape of Nova's provider.yaml.

They become part of every report of the host, so that from there on they are like those that the driver tells. The files
are read once, at the start; one that cannot be meant stops it.
"""

import logging
import pathlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec
import yaml

from corenova.exceptions import ConfigurationError
from corenova.objects import placement
from corenova.objects.host_state import HostReport, Inventory

LOG = logging.getLogger(__name__)
_EVERY_HOST = "$COMPUTE_NODE"


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a file; a key that is not a field of it is an error."""


class _Identification(_Strict):
    name: str | None = None
    uuid: str | None = None


class _Amounts(_Strict):
    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int | None = None
    step_size: int = 1
    allocation_ratio: float = 1.0


class _Inventories(_Strict):
    additional: list[dict[str, _Amounts]] = []


class _Traits(_Strict):
    additional: list[str] = []


class _Provider(_Strict):
    identification: _Identification
    inventories: _Inventories = _Inventories()
    traits: _Traits = _Traits()


class _Meta(_Strict):
    schema_version: str


class _File(_Strict):
    meta: _Meta
    providers: list[_Provider] = []


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """What is added to one host."""

    inventories: dict[str, Inventory] = {}
    traits: tuple[str, ...] = ()


class Providers:
    """What all files together add.

    :param additions: by name of the host; under ``$COMPUTE_NODE`` for hosts that no file names.
    """

    def __init__(self, additions: Mapping[str, Addition]):
        self._additions = additions

    def add_to(self, report: HostReport) -> HostReport:
        """Return a host's report with what is added to it; what a file says of a class replaces the driver's words."""
        added = self._additions.get(report.host) or self._additions.get(_EVERY_HOST)
        if added is None:
            return report
        return msgspec.structs.replace(
            report,
            inventories={**report.inventories, **added.inventories},
            traits=tuple(dict.fromkeys((*report.traits, *added.traits))),
        )

    def warn_of_strangers(self, hosts: Iterable[str]) -> None:
        """Log the names that are none of ``hosts``: the files may be the same on all machines, or one is misspelt."""
        strangers = self._additions.keys() - {*hosts, _EVERY_HOST}
        if strangers:
            LOG.warning("[compute] provider_config_location: hosts not served here: %s", ", ".join(sorted(strangers)))


def load(folder: str) -> Providers:
    """Read the files ``*.yaml`` of a directory, in order of their names; an empty ``folder`` stands for no files.

    :raises ConfigurationError: the directory or a file cannot be read, a file says what cannot be meant, or two say
        something of the same host.
    """
    additions: dict[str, Addition] = {}
    for path in _paths(folder):
        try:
            for name, addition in _read(path):
                if name in additions:
                    raise ValueError(f"{name} is described a second time")
                additions[name] = addition
        except OSError as error:
            raise _refusal(path, f"it cannot be read: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise _refusal(path, f"it is no YAML: {' '.join(str(error).split())}") from None
        except (ValueError, msgspec.ValidationError) as error:  # text that is not UTF-8 is a ValueError
            raise _refusal(path, str(error)) from None
    return Providers(additions)


def _paths(folder: str) -> list[pathlib.Path]:
    if not folder:
        return []
    if not pathlib.Path(folder).is_dir():
        raise ConfigurationError(
            f"[compute] provider_config_location = {folder} is no directory. Make it, or leave it out."
        )
    return sorted(pathlib.Path(folder).glob("*.yaml"))


def _refusal(path: pathlib.Path, cause: str) -> ConfigurationError:
    return ConfigurationError(f"[compute] provider_config_location: {path}: {cause.rstrip('.')}. Mend or remove it.")


def _read(path: pathlib.Path) -> Iterator[tuple[str, Addition]]:
    file = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), _File)
    if file.meta.schema_version.partition(".")[0] != "1":
        raise ValueError(f"meta.schema_version is {file.meta.schema_version}, and only 1.x is understood")
    for provider in file.providers:
        yield _name(provider.identification), _addition(provider)


def _name(identification: _Identification) -> str:
    name, uuid = identification.name, identification.uuid
    if (name is None) == (uuid is None):
        raise ValueError("identification wants either name or uuid")
    if uuid not in (None, _EVERY_HOST):
        raise ValueError(f"identification.uuid can only be {_EVERY_HOST}, not {uuid}; give the name of the host")
    return name or _EVERY_HOST


def _addition(provider: _Provider) -> Addition:
    inventories: dict[str, Inventory] = {}
    for name, amounts in (pair for entry in provider.inventories.additional for pair in entry.items()):
        _check_name(name, is_known=placement.is_resource_class(name) and name not in inventories)
        inventories[name] = _inventory(name, amounts)
    for name in provider.traits.additional:
        _check_name(name, is_known=placement.is_trait(name))
    return Addition(inventories=inventories, traits=tuple(dict.fromkeys(provider.traits.additional)))


def _check_name(name: str, *, is_known: bool) -> None:
    if not (is_known and placement.is_custom(name)):
        raise ValueError(f"{name} is not the name of one more class or trait: CUSTOM_[A-Z0-9_]+, and each once")


def _inventory(name: str, amounts: _Amounts) -> Inventory:
    fields = msgspec.structs.asdict(amounts)
    inventory = Inventory(**fields | {"max_unit": amounts.total if amounts.max_unit is None else amounts.max_unit})
    fault = placement.fault(inventory)
    if fault:
        raise ValueError(f"{name}: {fault}")
    return inventory
