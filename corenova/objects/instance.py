"""An instance as the services pass it on, and a guest as a hypervisor sees it."""

import msgspec

from corenova.objects.image import ImageAccess
from corenova.objects.network import Firewall, Nic
from corenova.objects.request_spec import Flavor, ImageMeta
from corenova.objects.states import PowerState
from corenova.objects.topology import TopologyClaim


class GuestConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest is told of itself beside its name and addresses: the content of the config drive.

    :param key_name, public_key: the ssh key that its user chose; None: none.
    :param user_data: base64, as the user sent it.
    :param admin_pass: only in the order that builds it (or rescues it).
    :param config_drive: whether its user asked for one; a driver may give one in any case.
    """

    availability_zone: str = ""
    launch_index: int = 0
    key_name: str | None = None
    public_key: str | None = None
    user_data: str | None = None
    admin_pass: str | None = None
    config_drive: bool = False


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """The row of an instance, as far as computes, drivers and hooks may know it.

    :param generation: the fence: it grows whenever the work on the row changes hands, and a report that carries an
        older one is refused.
    :param topology: the CPUs, pages and PCI devices that it has on its host. This and what follows is only in a
        compute's work orders.
    :param nics: its network interfaces, in the order in which the guest sees them.
    :param firewalls: what may pass them.
    :param boot: where the bytes of the image are that it is to be booted from; None: there are none.
    :param guest: what the guest is told.
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
    nics: tuple[Nic, ...] = ()
    firewalls: tuple[Firewall, ...] = ()
    boot: ImageAccess | None = None
    guest: GuestConfig = GuestConfig()


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
