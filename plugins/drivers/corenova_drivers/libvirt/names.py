"""How things of ours are called on a hypervisor, so that each can be found again from the id it stands for. Pure."""

import hashlib

PREFIX = "corenova-"
XML_NAMESPACE = "urn:corenova:libvirt:1"
"""Of the elements that we put into the metadata of domains and networks; part of what existing guests carry."""


def domain_name(instance_uuid: str) -> str:
    """Return the name of a guest."""
    return PREFIX + instance_uuid


def network_name(network_id: str) -> str:
    """Return the name of the libvirt network that a ``nat`` or ``isolated`` network is on a host."""
    return PREFIX + network_id[:8]


def bridge_name(network_id: str) -> str:
    """Return the bridge of that network; Linux allows 15 characters."""
    return "cn" + network_id.replace("-", "")[:10]


def tap_name(port_id: str) -> str:
    """Return the host's end of an interface, named as Nova names it."""
    return "tap" + port_id[:11]


def filter_prefix(deployment_id: str) -> str:
    """Return what the names of all filters of a deployment begin with: filters have no metadata to mark them by."""
    return f"{PREFIX}{hashlib.sha256(deployment_id.encode()).hexdigest()[:8]}-"


def filter_name(deployment_id: str, port_id: str) -> str:
    """Return the name of the filter of a port."""
    return filter_prefix(deployment_id) + port_id
