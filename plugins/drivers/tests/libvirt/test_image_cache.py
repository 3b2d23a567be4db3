"""The image cache: one download for all, nothing half there after a crash, and no damaged base under a new server."""

import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from corenova.exceptions import BuildAbort, DriverError, InsufficientResources, Unavailable
from corenova_drivers.libvirt import durable
from corenova_drivers.libvirt.image_cache import ImageCache
from corenova_drivers.libvirt.imagetool import ImageTool

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="needs qemu-img (Debian: qemu-utils)")

MIB = 1 << 20


def files(cache: ImageCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()} - {"locks"}


def test_a_second_server_copies_nothing(host, transfer, qcow2, make_server):
    access = transfer.add(1, qcow2(8), "qcow2")
    host.disks.create_root(make_server(access, root_gb=1))
    base = host.cache.base(access)
    before = (transfer.bytes_written, base.path.stat().st_ino, base.path.stat().st_mtime_ns)
    second = host.disks.create_root(make_server(access, root_gb=1))
    assert transfer.fetches == 1
    assert before == (transfer.bytes_written, base.path.stat().st_ino, base.path.stat().st_mtime_ns)
    assert second.stat().st_size < MIB, "an overlay has nothing of the image in it"


def test_a_base_says_what_it_is(host, transfer, qcow2):
    base = host.cache.base(transfer.add(1, qcow2(8), "qcow2"))
    assert (base.format, base.virtual_size, base.path.parent) == ("qcow2", 8 * MIB, host.cache.folder)
    assert base.path.stat().st_mode & 0o222 == 0, "nobody writes to a base"
    raw = host.cache.base(transfer.add(2, b"x" * MIB))
    assert (raw.format, raw.virtual_size) == ("raw", MIB)
    assert host.cache.find(raw.path.name) == raw


def test_twenty_threads_download_once(host, transfer):
    access = transfer.add(1, b"x" * MIB)
    transfer.delay_s = 0.2
    ready = threading.Barrier(20)

    def ask(_):
        ready.wait()
        return host.cache.base(access)

    with ThreadPoolExecutor(20) as pool:
        bases = set(pool.map(ask, range(20)))
    assert len(bases) == 1 and transfer.fetches == 1


def test_different_images_do_not_wait_for_each_other(host, transfer):
    together = threading.Barrier(4, timeout=20)
    fetch = transfer.fetch

    def meet(access, file):
        together.wait()  # broken after its time unless all four are here at once
        fetch(access, file)

    transfer.fetch = meet
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(host.cache.base, [transfer.add(number, bytes([number]) * MIB) for number in range(4)]))


def _fetch_in_a_process(make_host, transfer, access, log):
    fetch = transfer.fetch

    def counted(access, file):
        with open(log, "a") as lines:
            lines.write("fetched\n")
        fetch(access, file)

    transfer.fetch = counted
    make_host().cache.base(access)


def test_processes_download_once(make_host, transfer, tmp_path):
    access, log = transfer.add(1, b"x" * MIB), tmp_path / "log"
    transfer.delay_s = 0.3
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_fetch_in_a_process, args=(make_host, transfer, access, log)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert log.read_text() == "fetched\n"


@pytest.mark.parametrize("error", [Unavailable("away"), BuildAbort("not what it should be"), RuntimeError("a bug")])
def test_a_failed_download_leaves_nothing_and_the_next_one_works(error, host, transfer):
    access = transfer.add(1, b"x" * MIB)
    transfer.error = error
    with pytest.raises(type(error)):
        host.cache.base(access)
    assert not files(host.cache)
    transfer.error = None
    assert host.cache.base(access).path.read_bytes() == b"x" * MIB


def test_a_refused_image_leaves_nothing(host, transfer, qcow2):
    for number, content, declared, reason in (
        (1, qcow2(8), "raw", "declared as raw"),
        (2, qcow2(8)[:300000], "qcow2", "damaged"),
        (3, b"# Disk DescriptorFile\n" * 100, "vmdk", "in the format vmdk"),
    ):
        with pytest.raises(BuildAbort, match=f"Image 00000000-0000-4000-9000-{number:012d} .*{reason}"):
            host.cache.base(transfer.add(number, content, declared))
    assert not files(host.cache)
    assert transfer.fetches == 2, "an image of no format that we boot is not even downloaded"


def test_a_disk_that_fills_up_at_the_very_end_leaves_nothing(host, transfer, monkeypatch):
    """Some file systems find out only when they write back."""
    sync = durable.sync

    def full(path):
        if path.name.endswith(".raw.part"):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(path)

    monkeypatch.setattr(durable, "sync", full)
    with pytest.raises(InsufficientResources):
        host.cache.base(transfer.add(1, b"x" * MIB))
    assert not files(host.cache)


@pytest.mark.parametrize("image_id", ["../../etc/passwd", "", "a/b", "00000000-0000-4000-9000-00000000000A/../x"])
def test_an_image_id_is_no_path(image_id, host, transfer):
    access = msgspec.structs.replace(transfer.add(1, b"x" * MIB), image_id=image_id)
    with pytest.raises(BuildAbort, match="no uuid"):
        host.cache.base(access)
    with pytest.raises(DriverError):
        host.cache.find(f"../{image_id}")


def test_an_image_that_was_made_anew_under_its_old_id_is_another_one(host, transfer):
    old = host.cache.base(transfer.add(1, b"x" * MIB))
    new = host.cache.base(transfer.add(1, b"y" * MIB))
    assert (old.path.read_bytes()[:1], new.path.read_bytes()[:1]) == (b"x", b"y")


def test_no_room_is_known_before_the_download(make_host, transfer):
    host = make_host(keep_free=1 << 60)
    with pytest.raises(InsufficientResources, match="MiB free"):
        host.cache.base(transfer.add(1, b"x" * MIB))
    assert transfer.fetches == 0 and not files(host.cache)


# Damage


def spoil(path: Path) -> None:
    """Change one byte and keep the size, as a bad disk does; ``mtime`` changes as it does on each write."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_base_is_downloaded_again(host, transfer):
    access = transfer.add(1, b"x" * MIB)
    spoil(host.cache.base(access).path)
    assert host.cache.base(access).path.read_bytes() == b"x" * MIB
    assert transfer.fetches == 2
    assert any(name.endswith(".spoilt") for name in files(host.cache))
    host.cache.age_out(0)
    assert not files(host.cache)


def test_a_damaged_base_under_a_disk_is_refused_and_stays(host, transfer, make_server):
    access = transfer.add(1, b"x" * MIB)
    host.disks.create_root(make_server(access))
    base = host.cache.base(access)
    spoil(base.path)
    for _ in range(2):
        with pytest.raises(DriverError, match="damaged, and servers stand on it"):
            host.cache.base(access)
    with pytest.raises(DriverError, match="damaged"):
        host.cache.find(base.path.name)
    assert base.path.exists() and transfer.fetches == 1
    base.path.write_bytes(b"x" * MIB)  # restored by its operator
    assert host.cache.base(access) == base


def test_a_base_that_was_only_touched_is_good(host, transfer):
    access = transfer.add(1, b"x" * MIB)
    os.utime(host.cache.base(access).path)
    host.cache.base(access)
    assert transfer.fetches == 1


def test_damage_that_keeps_size_and_time_is_found_by_the_checksum(host, transfer, make_server):
    used, unused = transfer.add(1, b"x" * MIB), transfer.add(2, b"y" * MIB)
    host.disks.create_root(make_server(used))
    paths = [host.cache.base(access).path for access in (used, unused)]
    assert host.cache.checksum() == []
    for path in paths:
        status = path.stat()
        spoil(path)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert sorted(host.cache.checksum()) == sorted(path.name for path in paths)
    with pytest.raises(DriverError, match="servers stand on it"):
        host.cache.base(used)
    assert host.cache.base(unused).path.read_bytes() == b"y" * MIB


@pytest.mark.parametrize("content", [b"", b"{", b'{"size": 1}'])
def test_a_base_of_which_nothing_is_known_is_downloaded_again(content, host, transfer):
    access = transfer.add(1, b"x" * MIB)
    path = host.cache.base(access).path
    path.with_name(path.name + ".json").write_bytes(content)
    host.cache.base(access)
    assert transfer.fetches == 2


# Age


def test_what_nobody_uses_goes_and_what_is_used_stays(host, transfer, make_server):
    server = make_server(transfer.add(1, b"x" * MIB))
    host.disks.create_root(server)
    used = host.cache.base(server.boot).path.name
    unused = host.cache.base(transfer.add(2, b"y" * MIB)).path.name
    assert host.cache.age_out(3600) == [], "somebody has just asked for them"
    assert host.cache.age_out(0) == [unused]
    assert files(host.cache) == {used, f"{used}.json"}
    host.disks.remove(server.uuid)
    assert host.cache.age_out(0) == [used]
    assert not files(host.cache)


def test_asking_for_a_base_makes_it_young(host, transfer):
    access = transfer.add(1, b"x" * MIB)
    path = host.cache.base(access).path
    facts = path.with_name(path.name + ".json")
    os.utime(facts, (1, 1))
    host.cache.base(access)
    assert host.cache.age_out(3600) == []
    os.utime(facts, (1, 1))
    assert host.cache.age_out(3600) == [path.name]


def test_no_folder_of_instances_is_no_leave_to_remove_bases(host, transfer):
    host.cache.base(transfer.add(1, b"x" * MIB))
    host.instances.rmdir()
    with pytest.raises(DriverError, match="no folder"):
        host.cache.age_out(0)
    assert len(files(host.cache)) == 2


# Crashes

DIE = """
import os, signal, sys
from functools import partial
from pathlib import Path
from corenova_drivers.libvirt import durable
from corenova_drivers.libvirt.image_cache import ImageCache
from corenova_drivers.libvirt.imagetool import ImageTool
from corenova.objects.image import ImageAccess

folder, steps = Path(sys.argv[1]), int(sys.argv[2])

class Transfer:
    def fetch(self, access, file):
        for _ in range(16):
            file.write(b"x" * 65536)
        step()

def step():
    global steps
    steps -= 1
    if steps < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def counted(function):
    def call(*arguments, **options):
        step()
        return function(*arguments, **options)
    return call

durable.sync = counted(durable.sync)
for name in ("replace", "chmod", "stat"):
    setattr(Path, name, counted(getattr(Path, name)))
cache = ImageCache(folder, Transfer(), tool=ImageTool(), in_use=set, keep_free=0)
cache.start()
cache.base(ImageAccess(image_id="00000000-0000-4000-9000-000000000001", url="", size=1 << 20))
print("lived")
"""


def test_a_process_that_dies_anywhere_leaves_no_half_base(host, transfer):
    """Killed before each of the steps in turn, as far as it takes to live through all of them."""
    access = msgspec.structs.replace(transfer.add(1, b"x" * MIB), hash_value=None)
    for steps in range(40):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIE, host.cache.folder, str(steps)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        left = files(host.cache)
        host.cache.start()
        assert not any(name.endswith(durable.PART) for name in files(host.cache)), left
        assert host.cache.base(access).path.read_bytes() == b"x" * MIB
        host.cache.age_out(0)
        assert not files(host.cache), "nothing is left that nobody knows of"
        if done.returncode == 0:
            break
    assert done.stdout == "lived\n" and steps >= 8


def wait_for_a_part(cache: ImageCache) -> None:
    deadline = time.monotonic() + 10
    while not any(name.endswith(durable.PART) for name in files(cache)):
        assert time.monotonic() < deadline, "no download has begun"
        time.sleep(0.01)


def test_the_download_of_another_process_is_left_alone(host, make_host, transfer, tmp_path):
    access = transfer.add(1, b"x" * MIB)
    transfer.delay_s = 1.0
    fork = multiprocessing.get_context("fork")
    worker = fork.Process(target=_fetch_in_a_process, args=(make_host, transfer, access, tmp_path / "log"))
    worker.start()
    wait_for_a_part(host.cache)
    host.cache.start()
    assert worker.is_alive(), "a start does not wait for the downloads of others"
    worker.join(60)
    assert worker.exitcode == 0
    assert host.cache.base(access).path.read_bytes() == b"x" * MIB and transfer.fetches == 0


def test_the_download_of_another_thread_is_left_alone(host, make_host, transfer):
    access = transfer.add(1, b"x" * MIB)
    transfer.delay_s = 1.0
    with ThreadPoolExecutor(1) as pool:
        base = pool.submit(host.cache.base, access)
        wait_for_a_part(host.cache)
        make_host().cache.start()
        assert base.result(10).path.read_bytes() == b"x" * MIB


# A full disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs leave to mount a file system: run the tests as root")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("is_size_known", [True, False], ids=["refused before", "full half way"])
def test_a_hundred_creates_on_a_full_disk_leave_nothing(
    is_size_known, small_disk, make_host, transfer, make_server, qcow2
):
    host = make_host(small_disk)
    kept = make_server(transfer.add(0, qcow2(8), "qcow2"))
    host.disks.create_root(kept)
    before = host.everything()
    large = transfer.add(1, os.urandom(70 * MIB))
    access = large if is_size_known else msgspec.structs.replace(large, size=None)
    for _ in range(100):
        with pytest.raises(InsufficientResources):
            host.disks.create_root(make_server(access))
        assert host.everything() == before
    assert transfer.fetches == (1 if is_size_known else 101)
    assert host.disks.list_uuids() == [kept.uuid]
    # The disk that was there is as good as it was, and a small one still fits.
    host.disks.inspect(kept.uuid)
    host.disks.create_root(make_server(kept.boot))


def test_overlays_until_the_disk_is_full(small_disk, make_host, transfer, make_server, qcow2):
    host = make_host(small_disk)
    access = transfer.add(0, qcow2(8), "qcow2")
    host.cache.base(access)
    (small_disk / "ballast").write_bytes(bytes(58 * MIB))
    made = []
    for _ in range(100):
        server = make_server(access)
        before = host.everything()
        try:
            made.append(host.disks.create_root(server))
        except InsufficientResources:
            assert host.everything() == before
    assert 0 < len(made) < 100
    for path in made:
        host.disks.inspect(path.parent.name)


def test_the_tool_of_the_cache_is_the_choke_point(tmp_path, transfer):
    """Every image goes through examine(): a tool that refuses all lets none in."""

    class RefuseAll(ImageTool):
        def examine(self, path, declared_format, *, name=None):
            raise BuildAbort("no")

    cache = ImageCache(tmp_path, transfer, tool=RefuseAll(), in_use=set, keep_free=0)
    cache.start()
    with pytest.raises(BuildAbort):
        cache.base(transfer.add(1, b"x" * MIB))
    assert not files(cache)
