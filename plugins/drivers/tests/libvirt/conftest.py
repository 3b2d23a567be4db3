"""Fixtures of the disk tests: images made by the real qemu-img, a transfer that counts, and the parts wired as a driver
wires them.
"""

import hashlib
import subprocess
import threading
import time
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from corenova.exceptions import BuildAbort
from corenova.objects.image import ImageAccess
from corenova_drivers.libvirt.disks import Disks, bases_in_use
from corenova_drivers.libvirt.image_cache import ImageCache
from corenova_drivers.libvirt.imagetool import ImageTool


def qemu_img(*words: object) -> None:
    """Run the real program."""
    subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True, timeout=60)


def image_id(number: int) -> str:
    """Return the id of the ``number``-th image."""
    return f"00000000-0000-4000-9000-{number:012d}"


class Transfer:
    """An image service in memory. ``fetches`` counts; ``delay_s`` makes it slow; ``error`` makes it fail half way."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.fetches = 0
        self.bytes_written = 0
        self.delay_s = 0.0
        self.error: Exception | None = None
        self._lock = threading.Lock()

    def add(self, number: int, content: bytes, disk_format: str = "raw") -> ImageAccess:
        """Offer an image; return leave to read it."""
        self.content[image_id(number)] = content
        return ImageAccess(
            image_id=image_id(number),
            url="http://images.example",
            size=len(content),
            disk_format=disk_format,
            hash_algo="sha512",
            hash_value=hashlib.sha512(content).hexdigest(),
        )

    def fetch(self, access: ImageAccess, file: BinaryIO) -> None:
        """Write the bytes and compare the hash, as the contract says."""
        with self._lock:
            self.fetches += 1
        content = self.content[access.image_id]
        half = len(content) // 2
        file.write(content[:half])
        time.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        file.write(content[half:])
        self.bytes_written += len(content)
        if access.hash_value and hashlib.sha512(content).hexdigest() != access.hash_value:
            raise BuildAbort("The image is not what it should be.")


@pytest.fixture
def transfer():
    return Transfer()


@pytest.fixture
def tool():
    return ImageTool()


@pytest.fixture
def qcow2(tmp_path):
    """Return the bytes of a qcow2 image of so many MiB, with some content."""

    def make(size_mb: int = 8, content: bytes = b"a system") -> bytes:
        raw, path = tmp_path / "made.raw", tmp_path / "made.qcow2"
        raw.write_bytes(content * 4096)
        with raw.open("r+b") as file:
            file.truncate(size_mb << 20)
        qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, path)
        made = path.read_bytes()
        raw.unlink()
        path.unlink()
        return made

    return make


class Host:
    """What a driver has of disks on one host: the cache and the disks, below one folder."""

    def __init__(self, folder: Path, transfer: Transfer, *, deployment_id: str = "ours", keep_free: int = 0) -> None:
        self.tool = ImageTool()
        self.instances = folder / "instances"
        self.cache = ImageCache(
            folder / "images",
            transfer,
            tool=self.tool,
            in_use=partial(bases_in_use, self.instances),
            keep_free=keep_free,
        )
        self.disks = Disks(
            self.instances, deployment_id=deployment_id, cache=self.cache, tool=self.tool, keep_free=keep_free
        )
        self.cache.start()
        self.disks.start()

    def everything(self) -> list[str]:
        """Return every file below images and instances but the empty lock files."""
        folder = self.instances.parent
        found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir() and path.exists())
        return sorted(str(path) for path in found if "locks" not in path.parts)


@pytest.fixture
def make_host(tmp_path, transfer):
    """Return what a new compute process on the one host has; options are those of Host."""
    return lambda folder=tmp_path / "host", **options: Host(folder, transfer, **options)


@pytest.fixture
def host(make_host):
    return make_host()


@pytest.fixture
def make_server(make_instance):
    """Return an instance with this flavor and image."""

    def make(boot: ImageAccess | None = None, **flavor: int):
        instance = make_instance()
        return msgspec.structs.replace(instance, boot=boot, flavor=msgspec.structs.replace(instance.flavor, **flavor))

    return make
