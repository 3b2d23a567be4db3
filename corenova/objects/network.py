"""What a server has of the network, as it travels from the network service to the API's views and to the driver.

Field names are the network API's; a driver needs nothing else to plug a guest: the network is described inside the
interface, so a compute has no need to ask the network service.
"""

import msgspec


class FixedIP(msgspec.Struct, frozen=True, kw_only=True):
    """One address of an interface, with what a guest must know of its subnet.

    :param cidr: the subnet, ``10.0.0.0/24``.
    :param gateway: None for a subnet without one.
    :param routes: static routes beside the gateway's: (destination in CIDR form, next hop) pairs.
    :param dhcp: whether the subnet answers DHCP; otherwise the guest learns its address from the config drive only.
    """

    address: str
    subnet_id: str
    cidr: str
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    dhcp: bool = True
    version: int = 4


class SecurityRule(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule of a security group lets through; everything else is dropped.

    :param direction: ``ingress`` or ``egress``.
    :param ethertype: ``IPv4`` or ``IPv6``.
    :param protocol: ``tcp``, ``udp``, ``icmp``, ``ipv6-icmp``, a number as text, or None for any.
    :param port_min, port_max: of tcp and udp; type and code of icmp. None: any.
    :param remotes: networks that it is open to, in CIDR form; a remote group is its members' addresses, so an empty
        tuple is nobody. None: anybody.
    """

    direction: str
    ethertype: str
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remotes: tuple[str, ...] | None = None


class SecurityGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A security group, as the compute API shows it.

    :param rules: what it lets in, each with its id; ``remote_group`` is the name of a group instead of networks.
    """

    id: str
    name: str
    description: str
    project_id: str
    rules: tuple["GroupRule", ...] = ()


class GroupRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a group that lets something in; fields as in SecurityRule."""

    id: str
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_cidr: str | None = None
    remote_group: str | None = None


class Nic(msgspec.Struct, frozen=True, kw_only=True):
    """A network interface of a server: one port, on one network.

    :param kind: how the network is made on a host: ``nat`` or ``isolated`` (a network of the hypervisor's host, with
        DHCP where ``FixedIP.dhcp`` says so), or ``bridge`` (an existing bridge of the host).
    :param bridge: for ``bridge`` its name.
    :param security_groups: names, as the server's view shows them.
    :param port_security: False: no rules and no anti-spoofing.
    :param preserve: the port was made by the user and outlives the server.
    :param tag: the device tag that the guest finds in its metadata.
    """

    port_id: str
    network_id: str
    network_name: str
    mac: str
    fixed_ips: tuple[FixedIP, ...] = ()
    mtu: int = 1500
    kind: str = "nat"
    bridge: str | None = None
    security_groups: tuple[str, ...] = ()
    port_security: bool = True
    preserve: bool = False
    tag: str | None = None


class Firewall(msgspec.Struct, frozen=True, kw_only=True):
    """What may pass the interface ``port_id``. Level-triggered: a newer one replaces an older one whole."""

    port_id: str
    rules: tuple[SecurityRule, ...] = ()


class InstanceFirewall(msgspec.Struct, frozen=True, kw_only=True):
    """What may pass the ports of one instance, which is on ``host``."""

    instance_uuid: str
    host: str
    firewalls: tuple[Firewall, ...]


class WantedNic(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``networks`` in a request for a server: a port, or a network and perhaps an address in it."""

    network_id: str | None = None
    port_id: str | None = None
    address: str | None = None
    tag: str | None = None
