"""The config drive: an ISO 9660 volume ``config-2`` on which a guest finds its name, keys, addresses and user data.

Names and layout are those that cloud-init reads of an OpenStack config drive. What is in the files is a pure function
of the instance and of the random seed; only the seed, and the dates of the volume, differ from drive to drive.
"""

import base64
import binascii
import ipaddress
import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pycdlib

from corenova.exceptions import BuildAbort
from corenova.objects.instance import Instance
from corenova.objects.network import FixedIP, Nic
from corenova_drivers.libvirt import durable

LABEL = "config-2"
VERSIONS = ("2012-08-10", "2013-10-17", "2015-10-15", "2017-02-22", "2018-08-27", "latest")
EC2_VERSIONS = ("2009-04-04", "latest")
_SEED_BYTES = 512


def build(instance: Instance, path: Path) -> None:
    """Write the drive of an instance. One that is there is kept: a guest's seed and password come only once.

    Raises BuildAbort when the user data is no base64, InsufficientResources when the disk is full.
    """
    if path.exists():
        return
    content = files(instance, os.urandom(_SEED_BYTES))
    with durable.making(path, mode=0o600) as part:
        _write_iso(content, part)


def files(instance: Instance, seed: bytes) -> dict[str, bytes]:
    """Return the content of every file on the drive, by its path on it."""
    openstack = {
        "meta_data.json": _json(meta_data(instance, seed)),
        "network_data.json": _json(network_data(instance.nics)),
        "vendor_data.json": b"{}",
        "vendor_data2.json": b"{}",
    }
    ec2 = {"meta-data.json": _json(ec2_data(instance))}
    if instance.guest.user_data:
        openstack["user_data"] = ec2["user-data"] = _decode(instance.guest.user_data)
    return {
        **{f"openstack/{version}/{name}": data for version in VERSIONS for name, data in openstack.items()},
        **{f"ec2/{version}/{name}": data for version in EC2_VERSIONS for name, data in ec2.items()},
    }


def meta_data(instance: Instance, seed: bytes) -> dict[str, Any]:
    """Return what meta_data.json says: who the guest is, and the keys that open it."""
    guest = instance.guest
    said: dict[str, Any] = {
        "uuid": instance.uuid,
        "name": instance.display_name,
        "hostname": instance.hostname,
        "availability_zone": guest.availability_zone,
        "launch_index": guest.launch_index,
        "project_id": instance.project_id,
        "random_seed": base64.b64encode(seed).decode(),
        "devices": [_device(nic) for nic in instance.nics if nic.tag],
    }
    if instance.metadata:
        said["meta"] = instance.metadata
    if guest.public_key:
        name = guest.key_name or "default"
        said["public_keys"] = {name: guest.public_key}
        said["keys"] = [{"name": name, "type": "ssh", "data": guest.public_key}]
    if guest.admin_pass:
        said["admin_pass"] = guest.admin_pass
    return said


def network_data(nics: tuple[Nic, ...]) -> dict[str, Any]:
    """Return what network_data.json says: links, the networks on them, and the name servers of all."""
    networks = [network for nic in nics for network in _networks(nic)]
    for number, network in enumerate(networks):
        network["id"] = f"network{number}"
    servers = dict.fromkeys(server for nic in nics for ip in nic.fixed_ips for server in ip.dns)
    return {"links": [_link(nic) for nic in nics], "networks": networks, "services": _dns(tuple(servers))}


def ec2_data(instance: Instance) -> dict[str, Any]:
    """Return what meta-data.json of the EC2 tree says, for guests that know no other."""
    guest = instance.guest
    addresses = [ip.address for nic in instance.nics for ip in nic.fixed_ips if ip.version == 4]
    said: dict[str, Any] = {
        "instance-id": instance.uuid,
        "hostname": instance.hostname,
        "local-hostname": instance.hostname,
        "local-ipv4": addresses[0] if addresses else "",
        "placement": {"availability-zone": guest.availability_zone},
        "ami-launch-index": guest.launch_index,
    }
    if guest.public_key:
        name = guest.key_name or "default"
        said["public-keys"] = {"0": {"_name": f"0={name}", "openssh-key": guest.public_key}}
    return said


def _device(nic: Nic) -> dict[str, Any]:
    # Where on its bus the guest sees it is known only once it runs; the MAC tells it as well.
    return {"type": "nic", "bus": "none", "address": "none", "mac": nic.mac, "tags": [nic.tag]}


def _link(nic: Nic) -> dict[str, Any]:
    return {
        "id": _link_id(nic),
        "vif_id": nic.port_id,
        "type": "phy",
        "mtu": nic.mtu,
        "ethernet_mac_address": nic.mac,
    }


def _link_id(nic: Nic) -> str:
    return f"tap{nic.port_id[:11]}"


def _networks(nic: Nic) -> list[dict[str, Any]]:
    return [{"link": _link_id(nic), "network_id": nic.network_id, **_addressing(ip)} for ip in nic.fixed_ips]


def _addressing(ip: FixedIP) -> dict[str, Any]:
    kind = f"ipv{ip.version}"
    if ip.dhcp:
        return {"type": f"{kind}_dhcp"}
    default = str(ipaddress.ip_network("0.0.0.0/0" if ip.version == 4 else "::/0").network_address)
    routes = [{"network": default, "netmask": default, "gateway": ip.gateway}] if ip.gateway else []
    return {
        "type": kind,
        "ip_address": ip.address,
        "netmask": str(ipaddress.ip_network(ip.cidr, strict=False).netmask),
        "routes": routes,
        "services": _dns(ip.dns),
    }


def _dns(servers: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"type": "dns", "address": server} for server in servers]


def _decode(user_data: str) -> bytes:
    try:
        return base64.b64decode(user_data)
    except (binascii.Error, ValueError) as error:
        raise BuildAbort("The user data is no base64.") from error


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _write_iso(content: dict[str, bytes], path: Path) -> None:
    """Write the volume. Rock Ridge and Joliet carry the long names, for Linux and for the rest of the world."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident=LABEL, app_ident_str="corenova")
    try:
        folders = {str(folder) for name in content for folder in Path(name).parents if folder != Path(".")}
        for folder in sorted(folders):
            iso.add_directory(f"/{folder}", rr_name=Path(folder).name, joliet_path=f"/{folder}")
        for name, data in sorted(content.items()):
            iso.add_fp(BytesIO(data), len(data), f"/{name}", rr_name=Path(name).name, joliet_path=f"/{name}")
        iso.write(str(path))
    finally:
        iso.close()
