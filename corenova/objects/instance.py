"""An instance as the services pass it on, and a guest as a hypervisor sees it."""

import msgspec

from corenova.objects.request_spec import Flavor, ImageMeta
from corenova.objects.states import PowerState
from corenova.objects.topology import TopologyClaim


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """The row of an instance, as far as computes, drivers and hooks may know it.

    :param generation: the fence: it grows whenever the work on the row changes hands, and a report that carries an
        older one is refused.
    :param topology: the CPUs, pages and PCI devices that it has on its host; only in a compute's work orders.
    """

    uuid: str
    display_name: str
    hostname: str
    project_id: str
    user_id: str
    flavor: Flavor
    image: ImageMeta | None = None
    host: str | None = None
    vm_state: str = "building"
    task_state: str | None = None
    power_state: int = PowerState.NOSTATE
    generation: int = 0
    metadata: dict[str, str] = {}
    topology: TopologyClaim | None = None


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual machine that a driver found on a host.

    :param uuid: the instance's uuid.
    :param owner: the deployment id that the driver was given at spawn. A guest is ours only when it carries our id;
        nothing else on a hypervisor is ever touched.
    """

    uuid: str
    name: str
    power_state: int
    owner: str
