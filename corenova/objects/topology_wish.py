"""What flavor and image ask of a host's topology, with Nova's keys: ``hw:numa_*``, ``hw:cpu_*``, ``hw:mem_page_size``
and ``pci_passthrough:alias``. Read once, when a server is asked for.

An image may add to a flavor and never contradict it. Whoever asks for pinned CPUs or a page size and names no number
of NUMA cells gets one cell, as in Nova.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from corenova.exceptions import InvalidInput
from corenova.objects import pci_alias
from corenova.objects.pci_alias import Aliases
from corenova.objects.request_spec import Flavor, ImageMeta, RequestSpec
from corenova.objects.topology import ISOLATE, PREFER, REQUIRE, TopologyWish, WishedCell

SHARED, DEDICATED, MIXED = "shared", "dedicated", "mixed"
_POLICIES = (SHARED, DEDICATED, MIXED)
_THREADS = (PREFER, ISOLATE, REQUIRE)
_NAMED_PAGES = ("small", "large", "any")
_UNITS_KB = {"": 1, "KB": 1, "MB": 1024, "GB": 1024**2}
_MOST_CELLS, _MOST_VCPUS = 64, 4096


def with_wish(spec: RequestSpec, aliases: Aliases) -> RequestSpec:
    """Return ``spec`` with what its flavor and image wish of the topology; raises InvalidInput."""
    return msgspec.structs.replace(spec, topology=wish(spec.flavor, spec.image, aliases))


def wish(flavor: Flavor, image: ImageMeta | None, aliases: Aliases) -> TopologyWish | None:
    """Return what flavor and image wish, or None when any topology will do.

    :raises InvalidInput: a value means nothing, the image contradicts the flavor, or an alias is unknown.
    """
    both = _Both(flavor.extra_specs, image.properties if image is not None else {})
    policy = _cpu_policy(both)
    threads = both.same("cpu_thread_policy", _THREADS)
    if threads is not None and policy == SHARED:
        raise InvalidInput("hw:cpu_thread_policy needs hw:cpu_policy dedicated or mixed.")
    page_size = _page_size(both)
    nodes = both.number("numa_nodes")
    if nodes is None and (policy != SHARED or page_size is not None):
        nodes = 1
    devices = pci_alias.requests(flavor.extra_specs, aliases)
    if nodes is not None and flavor.vcpus > _MOST_VCPUS:
        raise InvalidInput(f"A server with NUMA nodes may have at most {_MOST_VCPUS} vCPUs, not {flavor.vcpus}.")
    if nodes is None and not devices:
        return None
    return TopologyWish(
        cells=_cells(both, flavor, nodes, _dedicated(both, policy, flavor.vcpus)) if nodes else (),
        thread_policy=threads or PREFER,
        page_size=page_size,
        devices=devices,
    )


class _Both:
    """The two places where a wish may stand: ``hw:<name>`` of the flavor and ``hw_<name>`` of the image."""

    def __init__(self, flavor: Mapping[str, str], image: Mapping[str, str]):
        self._flavor, self._image = flavor, image

    def get(self, name: str, choices: Sequence[str] = ()) -> tuple[str | None, str | None]:
        """Return what flavor and image say."""
        said = self._flavor.get(f"hw:{name}"), self._image.get(f"hw_{name}")
        for value in said:
            if value is not None and choices and value not in choices:
                raise InvalidInput(f"hw:{name} is '{value}', which is not one of {', '.join(choices)}.")
        return said

    def same(self, name: str, choices: Sequence[str] = ()) -> str | None:
        """Return what one of them says, or both in one voice."""
        flavor, image = self.get(name, choices)
        if flavor is not None and image is not None and flavor != image:
            raise InvalidInput(f"The image's hw_{name} '{image}' contradicts the flavor's hw:{name} '{flavor}'.")
        return image if flavor is None else flavor

    def number(self, name: str) -> int | None:
        """Return a whole number from 1 on, or None when nobody says one."""
        value = self.same(name)
        if value is None:
            return None
        if not re.fullmatch("[0-9]{1,9}", value) or int(value) < 1:
            raise InvalidInput(f"hw:{name} is '{value}', which is no whole number from 1 on.")
        return int(value)


def _cpu_policy(both: _Both) -> str:
    flavor, image = both.get("cpu_policy", _POLICIES)
    if flavor is not None and image is not None and image != flavor and (flavor, image) != (DEDICATED, SHARED):
        raise InvalidInput(f"The image's hw_cpu_policy '{image}' contradicts the flavor's hw:cpu_policy '{flavor}'.")
    policy = flavor or image or SHARED
    if (policy == MIXED) != (both.same("cpu_dedicated_mask") is not None):
        raise InvalidInput("hw:cpu_policy mixed and hw:cpu_dedicated_mask need each other.")
    return policy


def _page_size(both: _Both) -> str | int | None:
    """Return the page size; an image may choose one where the flavor leaves the choice open (large, any)."""
    flavor, image = (_pages(value) for value in both.get("mem_page_size"))
    if image is not None and flavor not in ("large", "any"):
        raise InvalidInput("The image's hw_mem_page_size needs a flavor with hw:mem_page_size large or any.")
    return flavor if image is None else image


def _pages(value: str | None) -> str | int | None:
    if value is None or value in _NAMED_PAGES:
        return value
    parts = re.fullmatch("([0-9]{1,9})([KMG]B)?", value)
    if parts is None or not int(parts[1]):
        raise InvalidInput(f"hw:mem_page_size is '{value}', which is neither small, large, any nor a size like 2MB.")
    return int(parts[1]) * _UNITS_KB[parts[2] or ""]


def _dedicated(both: _Both, policy: str, vcpus: int) -> frozenset[int]:
    """Return which vCPUs are to be pinned."""
    everything = frozenset(range(vcpus))
    mask = both.same("cpu_dedicated_mask")
    if mask is None:
        return everything if policy == DEDICATED else frozenset()
    named = _cpu_ids("hw:cpu_dedicated_mask", mask, everything)
    if not named or named == everything:
        raise InvalidInput(f"hw:cpu_dedicated_mask '{mask}' must name some vCPUs and not all.")
    return named


def _cells(both: _Both, flavor: Flavor, count: int, dedicated: frozenset[int]) -> tuple[WishedCell, ...]:
    if count > min(flavor.vcpus, _MOST_CELLS):
        raise InvalidInput(f"hw:numa_nodes is {count}, and the flavor has {flavor.vcpus} vCPUs.")
    cpus = [text for n in range(count) if (text := both.same(f"numa_cpus.{n}")) is not None]
    memory = [mb for n in range(count) if (mb := both.number(f"numa_mem.{n}")) is not None]
    if len(cpus) == len(memory) == count:
        divided = _told(flavor, cpus, memory)
    elif not cpus and not memory:
        divided = _even(flavor, count)
    else:
        raise InvalidInput("hw:numa_cpus.N and hw:numa_mem.N must be given for all NUMA nodes or for none.")
    return tuple(
        WishedCell(vcpus=one, memory_mb=mb, dedicated=tuple(cpu for cpu in one if cpu in dedicated))
        for one, mb in divided
    )


def _even(flavor: Flavor, count: int) -> list[tuple[tuple[int, ...], int]]:
    if flavor.vcpus % count or flavor.memory_mb % count:
        raise InvalidInput(f"The flavor's vCPUs or RAM cannot be divided evenly among {count} NUMA nodes.")
    size = flavor.vcpus // count
    return [(tuple(range(n * size, n * size + size)), flavor.memory_mb // count) for n in range(count)]


def _told(flavor: Flavor, cpus: Sequence[str], memory: Sequence[int]) -> list[tuple[tuple[int, ...], int]]:
    everything = frozenset(range(flavor.vcpus))
    sets = [tuple(sorted(_cpu_ids("hw:numa_cpus", text, everything))) for text in cpus]
    if sorted(cpu for one in sets for cpu in one) != sorted(everything) or not all(sets):
        raise InvalidInput("hw:numa_cpus.N must name each vCPU of the flavor once, and at least one a node.")
    if sum(memory) != flavor.memory_mb:
        raise InvalidInput(f"hw:numa_mem.N add up to {sum(memory)} MiB, and the flavor has {flavor.memory_mb}.")
    return list(zip(sets, memory, strict=True))


def _cpu_ids(key: str, text: str, everything: frozenset[int]) -> frozenset[int]:
    """Read ``0-3,^2``; only exclusions mean all the others."""
    named: set[int] = set()
    excluded: set[int] = set()
    for part in text.replace(" ", "").split(","):
        found = re.fullmatch(r"(\^?)([0-9]{1,5})(?:-([0-9]{1,5}))?", part)
        if found is None:
            raise InvalidInput(f"{key} is '{text}', which is no list of CPUs like 0-3,^2.")
        (excluded if found[1] else named).update(range(int(found[2]), int(found[3] or found[2]) + 1))
    chosen = (named or everything) - excluded
    if not chosen <= everything:
        raise InvalidInput(f"{key} is '{text}', and the flavor's vCPUs are 0-{len(everything) - 1}.")
    return frozenset(chosen)
