"""What is asked: the one value that travels from the API through conductor and scheduler to the driver.

A new wish of a request is a field here and its user, not a longer signature at every hop. Field names are Nova's
RequestSpec names where it has them, because plug-ins read them.
"""

import msgspec

from corenova.objects.topology import TopologyWish

VCPU = "VCPU"
PCPU = "PCPU"
MEMORY_MB = "MEMORY_MB"
DISK_GB = "DISK_GB"
MEM_ENCRYPTION_CONTEXT = "MEM_ENCRYPTION_CONTEXT"
_YES = ("1", "t", "true", "on", "y", "yes")


class Flavor(msgspec.Struct, frozen=True, kw_only=True):
    """A flavor as it was when the server was asked for; later edits of the flavor do not reach existing servers.

    :param flavorid: the id that users know (text).
    :param memory_mb: RAM in MiB.
    :param root_gb: root disk in GiB; 0 means the size of the image.
    :param ephemeral_gb: additional empty disk in GiB.
    :param swap: swap disk in MiB.
    """

    flavorid: str
    name: str
    vcpus: int
    memory_mb: int
    root_gb: int
    ephemeral_gb: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    disabled: bool = False
    description: str | None = None
    extra_specs: dict[str, str] = {}


class ImageMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The image facts that placement and the driver need; ``properties`` are the image's own (``hw_*``, ``trait:*``).

    :param min_disk: smallest root disk in GiB.
    :param min_ram: smallest RAM in MiB.
    :param size: bytes, or None when not known.
    :param virtual_size: bytes of the disk that it unfolds to, or None when not known.
    """

    id: str
    name: str
    min_disk: int = 0
    min_ram: int = 0
    size: int | None = None
    virtual_size: int | None = None
    disk_format: str = "raw"
    container_format: str = "bare"
    properties: dict[str, str] = {}


class InstanceGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A server group as the scheduler saw it at ``generation``; the claim fails when the group has changed since.

    :param policy: affinity, anti-affinity, soft-affinity or soft-anti-affinity.
    :param rules: for anti-affinity ``{"max_server_per_host": n}``.
    :param hosts: members per host, ``{host: count}``.
    """

    uuid: str
    name: str
    policy: str
    rules: dict[str, int] = {}
    generation: int = 0
    hosts: dict[str, int] = {}

    def allows(self, host: str) -> bool:
        """Tell whether a hard policy lets one more member onto ``host`` (soft policies only weigh)."""
        if self.policy == "affinity":
            return not self.hosts or host in self.hosts
        if self.policy == "anti-affinity":
            return self.hosts.get(host, 0) < self.rules.get("max_server_per_host", 1)
        return True

    def with_member(self, host: str) -> "InstanceGroup":
        """Return the group as it is with one more member on ``host``."""
        return msgspec.structs.replace(self, hosts={**self.hosts, host: self.hosts.get(host, 0) + 1})


class RequestSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about a requested server that decides where it may run.

    :param availability_zone: a zone name, or None for any.
    :param force_hosts: hosts named by ``az:host``: filters are skipped, capacity is not.
    :param force_nodes: nodes named by ``az:host:node``.
    :param requested_host: the host named by ``host`` or ``hypervisor_hostname`` (2.74): filters are asked.
    :param instance_group: set by the scheduler from ``instance_group_uuid`` when it decides.
    :param scheduler_hints: the user's hints as they came, each value a list or text.
    :param instance_hosts: set by the scheduler when it decides: where the instances are that hints name, ``{uuid:
        host}``; an instance that is nowhere is left out.
    :param image_property_hosts: set by the scheduler when it decides, for ImagePropertiesWeigher: the number of
        instances by host whose image has the same value of a property, ``{property: {host: count}}``.
    :param num_instances: how many equal instances the request asked for.
    :param topology: what flavor and image wish of NUMA cells, pinned CPUs, page sizes and PCI devices; read when the
        server is asked for (topology_wish.with_wish).
    :param is_rebuild: the server stays on its host and gets another image: only filters with RUN_ON_REBUILD are asked.
    """

    project_id: str
    user_id: str
    flavor: Flavor
    image: ImageMeta | None = None
    availability_zone: str | None = None
    force_hosts: tuple[str, ...] = ()
    force_nodes: tuple[str, ...] = ()
    instance_group_uuid: str | None = None
    instance_group: InstanceGroup | None = None
    scheduler_hints: dict[str, object] = {}
    num_instances: int = 1
    requested_host: str | None = None
    instance_hosts: dict[str, str] = {}
    image_property_hosts: dict[str, dict[str, int]] = {}
    topology: TopologyWish | None = None
    is_rebuild: bool = False

    def get_scheduler_hint(self, name: str, default: object = None) -> object:
        """Return a hint; of a list of one its only entry (Nova's method, used by filters written for it)."""
        value = self.scheduler_hints.get(name, default)
        return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value

    def hinted(self, name: str) -> list[str]:
        """Return the entries of a hint that may be one text or a list of them; empty when it is not given."""
        value = self.scheduler_hints.get(name)
        if value is None:
            return []
        return [str(entry) for entry in value] if isinstance(value, list | tuple) else [str(value)]

    def hinted_hosts(self, name: str) -> set[str]:
        """Return the names of the hosts of the instances in a hint; instances that are nowhere are left out."""
        return {self.instance_hosts[uuid] for uuid in self.hinted(name) if uuid in self.instance_hosts}

    def wish(self, key: str) -> str | None:
        """Return what is said under ``key`` (``hw:tpm_version``): the flavor's extra spec, or else the image's property
        of the same name (``hw_tpm_version``)."""
        value = self.flavor.extra_specs.get(key)
        if value is None and self.image is not None:
            value = self.image.properties.get(key.replace(":", "_"))
        return value

    def wants(self, key: str) -> bool:
        """Tell whether the wish under ``key`` is a yes, in any of the words that Nova takes for one."""
        return (self.wish(key) or "").strip().lower() in _YES

    def traits(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the traits that a host must have and must not have, from ``trait:NAME=required|forbidden`` of the
        flavor's extra specs and (required only, as in Nova) the image's properties; ``trait1:NAME`` ... count alike."""
        required: list[str] = []
        forbidden: list[str] = []
        found = list(self.flavor.extra_specs.items())
        if self.image is not None:
            found += [(key, value) for key, value in self.image.properties.items() if value == "required"]
        for key, value in found:
            prefix, _, trait = key.partition(":")
            if trait and prefix.rstrip("0123456789") == "trait":
                {"required": required, "forbidden": forbidden}.get(value, []).append(trait)
        return tuple(sorted(set(required))), tuple(sorted(set(forbidden)))

    def resources(self) -> dict[str, int]:
        """Return the amounts to claim by resource class, without zeros.

        VCPU, MEMORY_MB and DISK_GB come from the flavor (DISK_GB = root + ephemeral + swap, swap rounded up, as
        Placement is asked by Nova); a pinned vCPU is a PCPU and no VCPU; encrypted memory (``hw:mem_encryption``) takes
        one MEM_ENCRYPTION_CONTEXT, a slot of the CPU. ``resources:CLASS=n`` extra specs add classes or override those.
        Numbered groups (``resources1:CLASS``) are added up: a host here is one provider.
        """
        flavor = self.flavor
        amounts = {
            VCPU: flavor.vcpus,
            MEMORY_MB: flavor.memory_mb,
            DISK_GB: flavor.root_gb + flavor.ephemeral_gb + -(-flavor.swap // 1024),
        }
        if self.wants("hw:mem_encryption"):
            amounts[MEM_ENCRYPTION_CONTEXT] = 1
        if self.topology is not None and self.topology.dedicated:
            amounts[PCPU] = self.topology.dedicated
            amounts[VCPU] -= amounts[PCPU]
        grouped: dict[str, int] = {}
        for key, value in flavor.extra_specs.items():
            prefix, _, resource_class = key.partition(":")
            if prefix == "resources" and resource_class:
                amounts[resource_class] = int(value)
            elif resource_class and prefix.rstrip("0123456789") == "resources":
                grouped[resource_class] = grouped.get(resource_class, 0) + int(value)
        for resource_class, amount in grouped.items():
            amounts[resource_class] = amounts.get(resource_class, 0) + amount
        return {resource_class: amount for resource_class, amount in amounts.items() if amount}


class SelectRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the scheduler: equal instances, placed one after the other.

    :param instances: (uuid, generation) pairs; the generation is the conductor's lease on the row, and the claim
        succeeds only while it is still valid.
    """

    spec: RequestSpec
    instances: tuple[tuple[str, int], ...]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The scheduler's answer for one instance: claimed on ``host``, or a reason.

    :param host: None when nothing fits (or the row changed hands meanwhile: then ``reason`` is empty too).
    :param address: where to send the compute's message; many hosts may share one compute process.
    :param reason: why nothing fits, fit for the user (no host names).
    :param details: the same for operators.
    """

    instance_uuid: str
    host: str | None = None
    address: str | None = None
    reason: str = ""
    details: str = ""
