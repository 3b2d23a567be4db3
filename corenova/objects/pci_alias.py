"""Names for PCI devices: ``[pci] alias`` as operators write it, ``pci_passthrough:alias`` as flavors ask for it."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from corenova.exceptions import ConfigurationError, InvalidInput
from corenova.objects.topology import LEGACY, PREFERRED, REQUIRED, PciRequest, PciSpec

_NUMA_POLICIES = (REQUIRED, LEGACY, PREFERRED)
Aliases = Mapping[str, PciRequest]
"""``[pci] alias`` by name; each is a request for one device."""


class _Alias(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of ``[pci] alias``, as Nova writes it."""

    name: str
    vendor_id: str | None = None
    product_id: str | None = None
    device_type: str | None = None
    numa_policy: str = LEGACY
    capability_type: str = "pci"


def read_aliases(texts: Sequence[str]) -> dict[str, PciRequest]:
    """Read the values of ``[pci] alias``; the same name again is another kind of device that the alias means.

    :raises ConfigurationError: a value is no JSON object of Nova's form, or a name has two NUMA policies.
    """
    found: dict[str, PciRequest] = {}
    for text in texts:
        try:
            alias = msgspec.json.decode(text, type=_Alias)
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"[pci] alias = {text} cannot be read: {error}.") from None
        if alias.numa_policy not in _NUMA_POLICIES:
            choices = ", ".join(_NUMA_POLICIES)
            raise ConfigurationError(
                f"[pci] alias {alias.name}: numa_policy is {alias.numa_policy}, not one of {choices}."
            )
        spec = PciSpec(vendor_id=alias.vendor_id, product_id=alias.product_id, device_type=alias.device_type)
        known = found.get(alias.name)
        if known is not None and known.numa_policy != alias.numa_policy:
            raise ConfigurationError(f"[pci] alias {alias.name} is given twice, with different numa_policy.")
        specs = (*known.specs, spec) if known is not None else (spec,)
        found[alias.name] = PciRequest(alias=alias.name, count=1, specs=specs, numa_policy=alias.numa_policy)
    return found


def requests(extra_specs: Mapping[str, str], aliases: Aliases) -> tuple[PciRequest, ...]:
    """Return what ``pci_passthrough:alias`` of a flavor asks for; raises InvalidInput."""
    text = extra_specs.get("pci_passthrough:alias")
    if text is None:
        return ()
    policy = extra_specs.get("hw:pci_numa_affinity_policy")
    if policy is not None and policy not in _NUMA_POLICIES:
        raise InvalidInput(f"hw:pci_numa_affinity_policy is '{policy}', not one of {', '.join(_NUMA_POLICIES)}.")
    found = []
    for part in text.replace(" ", "").split(","):
        name, _, count = part.partition(":")
        if not re.fullmatch("[0-9]{1,4}", count) or not int(count):
            raise InvalidInput(f"pci_passthrough:alias is '{text}', which is no list like name:1,other:2.")
        if name not in aliases:
            raise InvalidInput(f"PCI alias {name} is not defined.")
        alias = aliases[name]
        found.append(msgspec.structs.replace(alias, count=int(count), numa_policy=policy or alias.numa_policy))
    return tuple(found)
