"""The drivers that are held to the contract, and what lets each run here: what a new one needs is an entry in VARIANTS.

Fake guests and those of libvirt's test hypervisor need nothing. Real ones boot a disk of one sector
(corenova/testing/boot_sector.py) on a private libvirtd (tests/libvirt_host.py).
"""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from corenova.objects.image import ImageAccess
from corenova.testing import boot_sector
from tests import bridges
from tests.libvirt_host import LibvirtHost
from tests.missing import refuse


class LocalImages:
    """An ImageTransfer: what is sent is kept here, what is fetched comes from here. It can be told to fail."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.sent: dict[str, tuple[str, bytes]] = {}
        self.failure: Exception | None = None

    def fetch(self, access: ImageAccess, file: Any) -> None:
        file.write(self.content)

    def send(self, access: ImageAccess, file: Any, *, disk_format: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent[access.image_id] = (disk_format, file.read())


@dataclass
class Variant:
    """One driver, as it is run here.

    :param driver: its entry point.
    :param boot: what its guests are booted from; None: nothing.
    :param threads_guests: how many guests each of four threads can have without the test taking long.
    :param lets_go: whether its guests give an interface up while they run.
    :param boot_s: what a guest may take until it is up.
    """

    driver: str
    ini: str
    boot: ImageAccess | None = None
    images: LocalImages = field(default_factory=LocalImages)
    memory_mb: int = 64
    threads_guests: int = 25
    lets_go: bool = True
    boot_s: float = 0.0
    prefix: str = "10.0.0"


def boot_access(content: bytes) -> ImageAccess:
    """Return leave to read an image with this content."""
    return ImageAccess(
        image_id=str(uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(content).hexdigest())),
        url="file:",
        size=len(content),
        hash_algo="sha512",
        hash_value=hashlib.sha512(content).hexdigest(),
    )


def fake(_request: pytest.FixtureRequest) -> Iterator[Variant]:
    """A fleet of three."""
    yield Variant("fake", "[fake]\nhosts = 3\n")


def libvirt_test(_request: pytest.FixtureRequest) -> Iterator[Variant]:
    """libvirt's own test hypervisor, in this process; its guests live as long as somebody is connected."""
    try:
        import libvirt
    except ImportError:
        refuse("libvirt-python", "run tools/install-libvirt, then make dev")
    kept = libvirt.open("test:///default")
    yield Variant("libvirt", "[libvirt]\nconnection_uri = test:///default\n")
    for domain in kept.listAllDomains():
        if domain.name() != "test":  # its own, which belongs to nobody
            if domain.isActive():
                domain.destroy()
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
    kept.close()


def libvirt_qemu(request: pytest.FixtureRequest) -> Iterator[Variant]:
    """QEMU, emulating, on a host of this test run."""
    host: LibvirtHost = request.getfixturevalue("libvirt_host")
    content = boot_sector.disk()
    yield Variant(
        "libvirt",
        qemu_ini(host),
        boot=boot_access(content),
        images=LocalImages(content),
        memory_mb=32,
        threads_guests=3,
        lets_go=False,
        boot_s=60.0,
        prefix=bridges.network(host.slot, 6).prefix,
    )
    clear(host)


def qemu_ini(host: LibvirtHost) -> str:
    """Return the section for a host. Tests look at files in /tmp, which may be in memory: no direct I/O there."""
    return (
        f"[libvirt]\nconnection_uri = {host.uri}\nvirt_type = qemu\ndisk_cachemode = writeback\n"
        "wait_soft_reboot_seconds = 60\nshutdown_retry_s = 0.5\nreserved_host_memory_mb = 0\n"
    )


def clear(host: LibvirtHost) -> None:
    """Leave nothing on a host."""
    host.clear()
    for line in host.virsh("nwfilter-list").splitlines():
        if line.split():
            host.virsh("nwfilter-undefine", line.split()[0])


VARIANTS = {"fake": fake, "libvirt-test": libvirt_test, "libvirt-qemu": libvirt_qemu}
