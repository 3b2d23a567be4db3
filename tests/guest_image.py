"""The Debian guest that tests boot on a real hypervisor, as tools/build-guest makes it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import user_cache
from tests.missing import refuse

BUILD = Path(__file__).parents[1] / "tools" / "build-guest"


@dataclass(frozen=True)
class GuestImage:
    """The guest of tools/build-guest: a disk to upload, and a kernel to boot without one. All files are read only."""

    directory: Path

    @property
    def qcow2(self) -> Path:
        """The disk, as it is uploaded."""
        return self.directory / "guest.qcow2"

    @property
    def raw(self) -> Path:
        """The disk, raw."""
        return self.directory / "guest.raw"

    @property
    def kernel(self) -> Path:
        """The kernel, for a direct boot."""
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Everything else, for a direct boot."""
        return self.directory / "initrd.gz"

    @property
    def cmdline(self) -> str:
        """The kernel's command line, for a direct boot; with coreguest.noacpi the power button is ignored."""
        return (self.directory / "cmdline").read_text().strip()


@pytest.fixture(scope="session")
def guest_image() -> GuestImage:
    """The Debian guest, built once for all runs of this user as long as its inputs stay the same."""
    directory = user_cache.directory() / "guest"
    with user_cache.locked("guest"):
        done = subprocess.run([BUILD, directory], capture_output=True, text=True)
    if done.returncode:
        refuse(f"the guest ({(done.stderr.strip() or 'no message').splitlines()[-1]})", "run tools/install-libvirt")
    return GuestImage(directory)
