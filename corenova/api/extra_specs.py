"""Which extra specs a flavor may have: RULES is the whole truth, a new rule is a new row.

From 2.86 on, keys of the name spaces that Nova knows are checked, misspelt ones too, and those of others pass, as in
Nova. A few rules hold in every microversion: values that the scheduler could not read, or that no filter could
understand.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from corenova.api.microversions import FIRST
from corenova.api.schemas.types import MAX_INT
from corenova.contracts import extra_specs_ops
from corenova.exceptions import InvalidInput
from corenova.objects.placement import is_resource_class, is_trait

LONGEST = 255
VALIDATED = 86
"""The microversion since which Nova checks extra specs."""

Check = Callable[[str, str], str]
"""Given what the key names (the pattern's last group) and the value, what is wrong; empty when nothing is."""


class Rule(NamedTuple):
    """What holds of the keys that ``pattern`` matches whole, since a microversion."""

    pattern: str
    check: Check
    since: int = VALIDATED


def _number(low: int) -> Check:
    def check(_name: str, value: str) -> str:
        digits = value.isascii() and value.isdigit() and len(value) <= 10
        return "" if digits and low <= int(value) <= MAX_INT else f"must be a whole number from {low} to {MAX_INT}"

    return check


def _one_of(*words: str) -> Check:
    return lambda _name, value: "" if value in words else f"must be one of {', '.join(words)}"


def _shape(pattern: str, sentence: str) -> Check:
    matches = re.compile(pattern).fullmatch
    return lambda _name, value: "" if matches(value) else sentence


def _names(is_one: Callable[[str], bool], what: str) -> Check:
    return lambda name, _value: "" if is_one(name) else f"must name {what}"


def _operator(_name: str, value: str) -> str:
    return extra_specs_ops.fault(value)


def _never(sentence: str) -> Check:
    return lambda _name, _value: sentence


_GROUP = "[0-9]*"
_CPUS = r"\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*"
_SIZE = r"small|large|any|\d+([kKMGT]i?)?(b|bit|B)?"
_ALIAS = r"[^:,\s][^:,]*:[1-9]\d*(,\s*[^:,\s][^:,]*:[1-9]\d*)*"
_boolean = _shape("(?i)1|t|true|on|y|yes|0|f|false|off|n|no", "must be true or false")

_HW = (
    "boot_menu", "cpu_cores", "cpu_dedicated_mask", "cpu_max_cores", "cpu_max_sockets", "cpu_max_threads", "cpu_policy",
    "cpu_realtime", "cpu_realtime_mask", "cpu_sockets", "cpu_thread_policy", "cpu_threads", "emulator_threads_policy",
    "ephemeral_encryption", "ephemeral_encryption_format", "hide_hypervisor_id", "input_bus", "locked_memory",
    "maxphysaddr_bits", "maxphysaddr_mode", "mem_encryption", "mem_encryption_model", "mem_page_size", "numa_nodes",
    "pci_numa_affinity_policy", "pmem", "pmu", "redirected_usb_ports", "serial_port_count", "sound_model", "tpm_model",
    "tpm_secret_security", "tpm_version", "usb_model", "vif_multiqueue_enabled", "viommu_model", "virtio_packed_ring",
    "watchdog_action",
)  # fmt: skip
_QUOTA = r"(cpu_(quota|period|shares(_.*)?|limit|reservation)|(disk|memory|vif|disk_io)_.*)"

RULES: tuple[Rule, ...] = (
    Rule(f"resources{_GROUP}:(.*)", _number(0), FIRST),
    Rule("((capabilities|aggregate_instance_extra_specs):.*|[^:]+)", _operator, FIRST),
    Rule(f"resources{_GROUP}:(.*)", _names(is_resource_class, "a resource class, a standard one or CUSTOM_[A-Z0-9_]+")),
    Rule(f"trait{_GROUP}:(.*)", _names(is_trait, "a trait, a standard one or CUSTOM_[A-Z0-9_]+")),
    Rule(f"trait{_GROUP}:(.*)", _one_of("required", "forbidden")),
    Rule("(resources|trait)[^0-9:][^:]*:.*", _never("names its group with more than a number, which is not available")),
    Rule("group_policy", _one_of("none", "isolate")),
    Rule("hw:cpu_policy", _one_of("dedicated", "shared", "mixed")),
    Rule("hw:cpu_thread_policy", _one_of("prefer", "isolate", "require")),
    Rule("hw:emulator_threads_policy", _one_of("isolate", "share")),
    Rule("hw:cpu_(max_)?(sockets|cores|threads)", _number(1)),
    Rule("hw:cpu_realtime", _boolean),
    Rule("hw:numa_nodes", _number(1)),
    Rule(r"hw:numa_cpus\.\d+", _shape(_CPUS, "must be a list of CPUs such as 0-3,^2")),
    Rule(r"hw:numa_mem\.\d+", _number(1)),
    Rule("hw:mem_page_size", _shape(_SIZE, "must be small, large, any or a size such as 2MB")),
    Rule("hw:maxphysaddr_bits", _number(1)),
    Rule("hw:maxphysaddr_mode", _one_of("passthrough", "emulate")),
    Rule("hw:pci_numa_affinity_policy", _one_of("required", "preferred", "legacy", "socket")),
    Rule(rf"hw:(?!({'|'.join(_HW)}|numa_(cpus|mem)\.\d+)$).*", _never("does not appear to be a valid extra spec")),
    Rule(f"quota:(?!{_QUOTA}$).*", _never("does not appear to be a valid extra spec")),
    Rule("pci_passthrough:alias", _shape(_ALIAS, "must be a list of alias:count")),
    Rule("pci_passthrough:(?!alias$).*", _never("is none that there is: only pci_passthrough:alias")),
)
_COMPILED = tuple((re.compile(rule.pattern), rule) for rule in RULES)


def check(specs: Mapping[str, str], version: int) -> None:
    """Raise InvalidInput, with the key and a sentence, when extra specs cannot be meant at this microversion."""
    for key, value in specs.items():
        if len(value) > LONGEST:
            raise InvalidInput(f"extra_specs value has {len(value)} characters, more than {LONGEST}.")
        wrong = fault(key, value, version)
        if wrong:
            raise InvalidInput(f"Validation failed; extra spec '{key}' {wrong}. Its value is '{value}'.")


def fault(key: str, value: str, version: int) -> str:
    """Return what is wrong with one extra spec, as the end of a sentence; empty when nothing is."""
    for pattern, rule in _COMPILED:
        found = pattern.fullmatch(key) if version >= rule.since else None
        wrong = rule.check(found.groups()[-1] or "" if found.groups() else "", value) if found else ""
        if wrong:
            return wrong
    return ""
