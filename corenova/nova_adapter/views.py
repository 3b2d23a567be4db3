"""Our hosts and requests in Nova's shapes, for classes that were written for Nova. Thin: every read goes through.

What is not listed here is refused by name, so a filter that needs more says no for a reason that can be read, and
never decides on a value that was made up.
"""

from operator import attrgetter
from typing import ClassVar

from corenova.objects import host_state, request_spec


class View:
    """A read-only view of ``real``.

    :cvar offered: names of the attributes and methods that Nova's classes may read.
    """

    __slots__ = ("_real",)
    _kind: ClassVar[str] = ""
    offered: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, kind: str, same: str) -> None:
        """Name the view for messages; ``same`` are the attributes that are handed on as they are."""
        cls._kind = kind
        own = [name for name in vars(cls) if not name.startswith("_")]
        cls.offered = tuple(sorted([*same.split(), *own]))
        for name in same.split():
            setattr(cls, name, property(attrgetter(f"_real.{name}")))

    def __init__(self, real: object):
        self._real = real

    def __getattr__(self, name: str) -> object:
        raise AttributeError(f"corenova's adapter does not offer {self._kind}.{name} to Nova's filters and weighers")


class Aggregate(View, kind="Aggregate", same="name metadata"):
    """A host aggregate."""

    __slots__ = ()


class HostState(
    View,
    kind="HostState",
    same="host nodename uuid host_ip hypervisor_type hypervisor_version cpu_info free_ram_mb total_usable_ram_mb "
    "free_disk_mb total_usable_disk_gb vcpus_total vcpus_used cpu_allocation_ratio ram_allocation_ratio "
    "disk_allocation_ratio num_instances num_io_ops failed_builds",
):
    """A host, as it is looked at for one request."""

    __slots__ = ("_spec", "limits")

    def __init__(self, real: host_state.HostState, spec: request_spec.RequestSpec):
        super().__init__(real)
        self._spec = spec
        self.limits: dict[str, object] = {}

    @property
    def hypervisor_hostname(self) -> str:
        """The node's name."""
        return self._real.nodename

    @property
    def aggregates(self) -> list[Aggregate]:
        """Aggregates that the host is in."""
        return [Aggregate(aggregate) for aggregate in self._real.aggregates]

    @property
    def service(self) -> dict[str, object]:
        """The compute service."""
        service = self._real.service
        return {
            "host": self._real.host,
            "binary": "nova-compute",
            "disabled": service.disabled,
            "disabled_reason": service.disabled_reason,
        }

    @property
    def supported_instances(self) -> list[list[str]]:
        """[arch, hypervisor type, vm mode] lists."""
        return [list(triple) for triple in self._real.supported_instances]

    def _has_any(self, uuids: list[str]) -> bool:
        """Tell whether one of these instances is here. Only instances that hints name have been looked up."""
        hinted = {text for name in self._spec.scheduler_hints for text in self._spec.hinted(name)}
        unknown = [uuid for uuid in uuids if uuid not in hinted]
        if unknown:
            raise ValueError(f"corenova knows only where instances are that a hint names, not {unknown[0]}")
        return any(self._spec.instance_hosts.get(uuid) == self._real.host for uuid in uuids)


class Flavor(
    View,
    kind="Flavor",
    same="flavorid name vcpus memory_mb root_gb ephemeral_gb swap rxtx_factor is_public disabled description "
    "extra_specs",
):
    """The flavor of a request."""

    __slots__ = ()


class ImageProperties:
    """Properties of an image, all of them as text; one that is not set raises AttributeError, or use ``get``."""

    __slots__ = ("_real",)

    def __init__(self, real: dict[str, str]):
        self._real = real

    def get(self, name: str, default: object = None) -> object:
        """Return a property, or ``default``."""
        return self._real.get(name, default)

    def __contains__(self, name: str) -> bool:
        return name in self._real

    def __getattr__(self, name: str) -> str:
        try:
            return self._real[name]
        except KeyError:
            raise AttributeError(f"the image has no property {name}") from None


class Image(View, kind="ImageMeta", same="id name min_disk min_ram size disk_format container_format"):
    """The image of a request."""

    __slots__ = ()

    @property
    def properties(self) -> ImageProperties:
        """The image's own properties."""
        return ImageProperties(self._real.properties)


class InstanceGroup(View, kind="InstanceGroup", same="uuid name policy rules"):
    """The server group of a request."""

    __slots__ = ()

    @property
    def hosts(self) -> list[str]:
        """Hosts that have members."""
        return list(self._real.hosts)


class Destination(View, kind="Destination", same=""):
    """The host that was asked for by name (filters are asked all the same)."""

    __slots__ = ()

    @property
    def host(self) -> str:
        """Its name."""
        return self._real.requested_host


class RequestSpec(View, kind="RequestSpec", same="project_id user_id availability_zone num_instances"):
    """What is asked."""

    __slots__ = ()

    vcpus = property(attrgetter("_real.flavor.vcpus"), doc="Of the flavor.")
    memory_mb = property(attrgetter("_real.flavor.memory_mb"), doc="Of the flavor, MiB.")
    root_gb = property(attrgetter("_real.flavor.root_gb"), doc="Of the flavor, GiB.")
    ephemeral_gb = property(attrgetter("_real.flavor.ephemeral_gb"), doc="Of the flavor, GiB.")
    swap = property(attrgetter("_real.flavor.swap"), doc="Of the flavor, MiB.")

    @property
    def flavor(self) -> Flavor:
        """The flavor."""
        return Flavor(self._real.flavor)

    @property
    def image(self) -> Image | None:
        """The image, if there is one."""
        return None if self._real.image is None else Image(self._real.image)

    @property
    def force_hosts(self) -> list[str]:
        """Hosts that filters are not asked about."""
        return list(self._real.force_hosts)

    @property
    def force_nodes(self) -> list[str]:
        """Nodes likewise."""
        return list(self._real.force_nodes)

    @property
    def instance_group(self) -> InstanceGroup | None:
        """The server group with its policy and hosts."""
        return None if self._real.instance_group is None else InstanceGroup(self._real.instance_group)

    @property
    def requested_destination(self) -> Destination | None:
        """The host that was asked for by name."""
        return None if self._real.requested_host is None else Destination(self._real)

    @property
    def scheduler_hints(self) -> dict[str, list]:
        """Hints, each a list."""
        hints = self._real.scheduler_hints
        return {name: list(v) if isinstance(v, list | tuple) else [v] for name, v in hints.items()}

    def get_scheduler_hint(self, hint_name: str, default_val: object = None) -> object:
        """Return a hint; of a list of one its only entry."""
        return self._real.get_scheduler_hint(hint_name, default_val)
