"""Small changes of a request, one wish at a time: what remedies.py tries when nothing fits.

Each change says which fields it touches, so that only plug-ins who read these need to be asked again.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from corenova.exceptions import InvalidInput
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, PCPU, VCPU, Flavor, RequestSpec
from corenova.objects.topology_wish import wish

_MOST = 16
"""How many changes of one kind are tried; flavors with more extra specs than that are rare."""
_GIB = 1024**3
_EXTRA_SPECS, _PROPERTIES = "flavor.extra_specs", "image.properties"
_DISK_FIELDS = frozenset({"flavor.root_gb", "flavor.ephemeral_gb", "flavor.swap"})


class Change(NamedTuple):
    """A request with one wish less.

    :param said: how a sentence about it begins.
    :param fields: the fields in which ``spec`` differs from what was asked, as traced.py notes them.
    :param facts: fields of the Remedy.
    """

    kind: str
    said: str
    spec: RequestSpec
    fields: frozenset[str]
    facts: dict[str, object]


def changes(spec: RequestSpec) -> Iterator[Change]:
    """Return the changes that can be made of a request, but for the amounts it asks for."""
    for make in (_zone, _destination, _hints, _traits, _extra_specs, _properties, _group):
        for change in islice(make(spec), _MOST):
            renewed = _renewed(change.spec, change.fields)
            if renewed is not None:
                yield change._replace(spec=renewed[0], fields=renewed[1])


def _renewed(spec: RequestSpec, fields: frozenset[str]) -> tuple[RequestSpec, frozenset[str]] | None:
    """Return the request with what flavor and image wish of the topology now; None: it would contradict itself."""
    before = spec.topology
    if before is None:
        return spec, fields
    try:
        now = wish(spec.flavor, spec.image, {request.alias: request for request in before.devices})
    except InvalidInput:
        return None
    return (spec, fields) if now == before else (replace(spec, topology=now), fields | {"topology"})


def _zone(spec: RequestSpec) -> Iterator[Change]:
    if spec.availability_zone is not None:
        changed = replace(spec, availability_zone=None)
        yield Change("zone", "In another zone", changed, frozenset({"availability_zone"}), {})


def _destination(spec: RequestSpec) -> Iterator[Change]:
    if spec.force_hosts or spec.force_nodes or spec.requested_host:
        changed = replace(spec, force_hosts=(), force_nodes=(), requested_host=None)
        fields = frozenset({"force_hosts", "force_nodes", "requested_host"})
        yield Change("destination", "On another host than the one that is named", changed, fields, {})


def _hints(spec: RequestSpec) -> Iterator[Change]:
    for name in spec.scheduler_hints:
        changed = replace(spec, scheduler_hints=_without(spec.scheduler_hints, name))
        yield Change("hint", f"Without the hint {name}", changed, frozenset({"scheduler_hints"}), {"name": name})


def _traits(spec: RequestSpec) -> Iterator[Change]:
    for word, traits, said in zip(("required", "forbidden"), spec.traits(), ("requiring", "forbidding"), strict=True):
        for trait in traits:

            def other(key: str, value: str, trait: str = trait, word: str = word) -> bool:
                prefix, _, name = key.partition(":")
                return (name, value) != (trait, word) or prefix.rstrip("0123456789") != "trait"

            changed, fields = _filtered(spec, other)
            facts = {"trait": trait, "name": word}
            yield Change("trait", f"Without {said} the trait {trait}", changed, fields, facts)


def _filtered(spec: RequestSpec, stays: Callable[[str, str], bool]) -> tuple[RequestSpec, frozenset[str]]:
    """Return the request with those extra specs and image properties that stay, and which fields that has changed."""
    extra_specs = {key: value for key, value in spec.flavor.extra_specs.items() if stays(key, value)}
    changed = replace(spec, flavor=replace(spec.flavor, extra_specs=extra_specs))
    fields = {_EXTRA_SPECS} if len(extra_specs) < len(spec.flavor.extra_specs) else set()
    if spec.image is not None:
        properties = {key: value for key, value in spec.image.properties.items() if stays(key, value)}
        changed = replace(changed, image=replace(spec.image, properties=properties))
        fields |= {_PROPERTIES} if len(properties) < len(spec.image.properties) else set()
    return changed, frozenset(fields)


def _extra_specs(spec: RequestSpec) -> Iterator[Change]:
    for key, value in spec.flavor.extra_specs.items():
        scope, _, name = key.partition(":")
        scope = scope.rstrip("0123456789")
        if (scope == "trait" and name) or (scope == "resources" and name in (VCPU, MEMORY_MB, DISK_GB)):
            continue  # they have kinds of their own
        flavor = replace(spec.flavor, extra_specs=_without(spec.flavor.extra_specs, key))
        said = f"Without the flavor's extra spec {key} = {value}"
        yield Change("extra_spec", said, replace(spec, flavor=flavor), frozenset({_EXTRA_SPECS}), {"name": key})


def _properties(spec: RequestSpec) -> Iterator[Change]:
    for key, value in spec.image.properties.items() if spec.image is not None else ():
        if key.startswith("trait"):
            continue
        image = replace(spec.image, properties=_without(spec.image.properties, key))
        said = f"With an image without {key} = {value}"
        yield Change("image_property", said, replace(spec, image=image), frozenset({_PROPERTIES}), {"name": key})


def _group(spec: RequestSpec) -> Iterator[Change]:
    if spec.instance_group is not None:
        changed = replace(spec, instance_group=None, instance_group_uuid=None)
        policy = spec.instance_group.policy
        fields = frozenset({"instance_group", "instance_group_uuid"})
        yield Change("group", f"Outside the server group with the policy {policy}", changed, fields, {"name": policy})


def _without(mapping: Mapping[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in mapping.items() if name != key}


# Amounts.


def least(spec: RequestSpec, resource_class: str) -> int:
    """Return the smallest amount that makes sense: what the image needs, or 1."""
    image = spec.image
    if resource_class == MEMORY_MB:
        return max(1, image.min_ram if image else 0)
    if resource_class == DISK_GB and spec.flavor.root_gb:
        return max(1, image.min_disk, -(-(image.size or 0) // _GIB)) if image else 1
    return 1


def with_amount(spec: RequestSpec, resource_class: str, amount: int) -> tuple[RequestSpec, frozenset[str]] | None:
    """Return the request with another amount of one resource class, and the fields that differ; None: it has no such.

    Where the amount comes from an extra spec that is changed, else the flavor's field.
    """
    flavor = spec.flavor
    named = {key for key in flavor.extra_specs if _is_amount(key, resource_class)}
    if named:
        extra_specs = {key: value for key, value in flavor.extra_specs.items() if key not in named}
        extra_specs[f"resources:{resource_class}"] = str(amount)
        changed, fields = replace(flavor, extra_specs=extra_specs), frozenset({_EXTRA_SPECS})
    elif resource_class in (VCPU, PCPU):
        cut = spec.resources()[resource_class] - amount
        changed, fields = replace(flavor, vcpus=flavor.vcpus - cut), frozenset({"flavor.vcpus"})
    elif resource_class == MEMORY_MB:
        changed, fields = replace(flavor, memory_mb=amount), frozenset({"flavor.memory_mb"})
    elif resource_class == DISK_GB:
        changed, fields = _with_disk(flavor, amount), _DISK_FIELDS
    else:
        return None
    renewed = _renewed(replace(spec, flavor=changed), fields)
    wanted = {**spec.resources(), resource_class: amount}
    return renewed if renewed is not None and renewed[0].resources() == wanted else None


def _is_amount(key: str, resource_class: str) -> bool:
    scope, _, name = key.partition(":")
    return name == resource_class and scope.rstrip("0123456789") == "resources"


def _with_disk(flavor: Flavor, amount: int) -> Flavor:
    """Take what is too much from the ephemeral disk first, then from swap, then from the root disk."""
    swap_gb = -(-flavor.swap // 1024)
    cut = flavor.root_gb + flavor.ephemeral_gb + swap_gb - amount
    of_ephemeral = min(cut, flavor.ephemeral_gb)
    of_swap = min(cut - of_ephemeral, swap_gb)
    return replace(
        flavor,
        ephemeral_gb=flavor.ephemeral_gb - of_ephemeral,
        swap=min(flavor.swap, (swap_gb - of_swap) * 1024),
        root_gb=flavor.root_gb - (cut - of_ephemeral - of_swap),
    )
