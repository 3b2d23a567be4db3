"""Refusals of the network service under Neutron's names, which its clients read as ``NeutronError.type``.

What has no name here is named by :func:`corenova.network.faults.type_of` for its kind.
"""

from corenova import exceptions


def not_found(kind: str, uuid: str) -> exceptions.NotFound:
    """Return the error for a thing that is not there, or not for the caller."""
    error = exceptions.NotFound(f"{_WORDS.get(kind, kind)} {uuid} could not be found.")
    error.type = f"{kind}NotFound"
    return error


_WORDS = {"SecurityGroup": "Security group", "SecurityGroupRule": "Security group rule"}


class OverQuota(exceptions.OverQuota):
    """A limit of the project is reached."""

    def __init__(self, name: str, asked: int, used: int, limit: int):
        super().__init__(
            f"Quota exceeded for resources: ['{name}']. Asked for {asked}, used {used} of {limit}. Delete what is not "
            "needed or ask an administrator for more."
        )


class NetworkInUse(exceptions.Conflict):
    """The network has ports."""


class SubnetInUse(exceptions.Conflict):
    """Ports have addresses of the subnet."""


class PortInUse(exceptions.Conflict):
    """A server has the port."""


class SecurityGroupInUse(exceptions.Conflict):
    """Ports are in the group."""


class SecurityGroupCannotRemoveDefault(exceptions.Conflict):
    """The default group stays."""


class SecurityGroupCannotUpdateDefault(exceptions.Conflict):
    """The default group keeps its name."""


class SecurityGroupDefaultAlreadyExists(exceptions.Conflict):
    """There is one default group a project."""


class SecurityGroupRuleExists(exceptions.Conflict):
    """The group has such a rule."""


class IpAddressInUse(exceptions.Conflict):
    """Another port has the address."""


class MacAddressInUse(exceptions.Conflict):
    """Another port has the hardware address."""


class GatewayIpInUse(exceptions.Conflict):
    """A port has the address that is to be the gateway's."""


class GatewayConflictWithAllocationPools(exceptions.Conflict):
    """The gateway's address is one of those to give away."""


class IpAddressGenerationFailure(exceptions.InvalidInput):
    """No address is free: InvalidInput for a server that asks for one, 409 in the network API."""


class InvalidIpForSubnet(exceptions.InvalidInput):
    """The address is not one that a port can have there."""


class InvalidAllocationPool(exceptions.InvalidInput):
    """The pool has no addresses."""


class OutOfBoundsAllocationPool(exceptions.InvalidInput):
    """The pool is not in the subnet."""


class OverlappingAllocationPools(exceptions.InvalidInput):
    """Two pools have the same address."""


class PortSecurityAndIPRequiredForSecurityGroups(exceptions.Conflict):
    """Security groups of a port without port security would do nothing."""


class PortSecurityPortHasSecurityGroup(exceptions.Conflict):
    """Port security cannot be disabled while the port is in groups."""
