"""The folders of the instances: made once whatever happens, and nothing that is not ours is ever touched."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corenova.exceptions import BuildAbort, DriverError, InsufficientResources
from corenova_drivers.libvirt import disks, durable
from corenova_drivers.libvirt.disks import Disks, bases_in_use

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="needs qemu-img (Debian: qemu-utils)")

MIB, GIB = 1 << 20, 1 << 30


@pytest.fixture
def access(transfer, qcow2):
    return transfer.add(1, qcow2(8), "qcow2")


def qemu_info(path: Path) -> dict:
    """Ask qemu-img, not the code under test."""
    done = subprocess.run(["qemu-img", "info", "--output=json", path], check=True, capture_output=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("root_gb", "size"), [(1, GIB), (20, 20 * GIB), (0, 8 * MIB)])
def test_the_root_disk_is_as_large_as_the_flavor_says_or_as_the_image(root_gb, size, host, access, make_server):
    server = make_server(access, root_gb=root_gb)
    path = host.disks.create_root(server)
    found, base = qemu_info(path), host.cache.base(access)
    assert (path.name, path.parent.name) == ("disk", server.uuid)
    assert (found["format"], found["virtual-size"]) == ("qcow2", size)
    assert (found["backing-filename"], found["backing-filename-format"]) == (str(base.path), "qcow2")
    assert host.disks.backing(server.uuid) == base == host.disks.inspect(server.uuid)
    assert path.stat().st_mode & 0o077 == 0


def test_a_raw_image_is_a_base_too(host, transfer, make_server):
    path = host.disks.create_root(make_server(transfer.add(2, b"x" * MIB)))
    assert qemu_info(path)["backing-filename-format"] == "raw"


def test_an_image_larger_than_the_flavor_s_disk_is_refused(host, transfer, qcow2, make_server):
    server = make_server(transfer.add(1, qcow2(2048), "qcow2"), root_gb=1)
    with pytest.raises(BuildAbort, match=r"Flavor's disk is too small for requested image.*1073741824.*2147483648"):
        host.disks.create_root(server)
    assert host.disks.list_uuids() == []


def test_an_image_without_bytes_cannot_be_booted(host, make_server):
    for create in (host.disks.create_root, host.disks.create_rescue):
        with pytest.raises(BuildAbort, match="has no bytes"):
            create(make_server(None))
    assert host.everything() == []


def test_disks_that_the_flavor_has(host, make_server):
    server = make_server(ephemeral_gb=3, swap=64)
    assert qemu_info(host.disks.create_ephemeral(server))["virtual-size"] == 3 * GIB
    swap = host.disks.create_swap(server)
    assert qemu_info(swap)["virtual-size"] == 64 * MIB
    assert sorted(path.name for path in swap.parent.iterdir()) == ["disk.eph0", "disk.swap", "owner"]
    for create in (host.disks.create_ephemeral, host.disks.create_swap):
        assert create(make_server()) is None


@pytest.mark.skipif(not shutil.which("mkswap"), reason="needs mkswap")
def test_the_swap_disk_is_formatted(host, make_server, tmp_path):
    host.tool.convert(host.disks.create_swap(make_server(swap=8)), "qcow2", tmp_path / "raw", "raw")
    assert (tmp_path / "raw").read_bytes()[4086:4096] == b"SWAPSPACE2"


def test_what_is_there_is_kept(host, access, transfer, make_server):
    server = make_server(access, ephemeral_gb=1, swap=8)
    creates = (
        host.disks.create_root,
        host.disks.create_rescue,
        host.disks.create_ephemeral,
        host.disks.create_swap,
    )
    first = [create(server) for create in creates]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in first]
    assert [create(server) for create in creates] == first
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in first] == before


def test_a_disk_is_kept_when_its_image_cannot_be_had_any_more(host, access, make_server):
    server = make_server(access)
    path = host.disks.create_root(server)
    assert host.disks.create_root(msgspec.structs.replace(server, boot=None)) == path


def test_a_disk_that_is_not_what_we_made_is_refused_and_left(host, access, make_server, tmp_path):
    server = make_server(access)
    path = host.disks.create_root(server)
    (tmp_path / "secret").write_bytes(b"secret" * 1000)
    path.unlink()
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", tmp_path / "secret", "-F", "raw", path, "1M"], check=True
    )
    before = path.read_bytes()
    for look in (host.disks.create_root, lambda server: host.disks.inspect(server.uuid), host.disks.grow_root):
        with pytest.raises(BuildAbort, match="does not stand on the image"):
            look(server)
    assert path.read_bytes() == before


def test_the_root_disk_grows_with_the_flavor(host, access, make_server):
    server = make_server(access)
    path = host.disks.create_root(server)
    for root_gb, expected in ((5, 5 * GIB), (5, 5 * GIB), (2, 5 * GIB), (0, 5 * GIB)):
        flavor = msgspec.structs.replace(server.flavor, root_gb=root_gb)
        host.disks.grow_root(msgspec.structs.replace(server, flavor=flavor))
        assert qemu_info(path)["virtual-size"] == expected


def test_the_rescue_disk_comes_and_goes_beside_the_root_disk(host, access, transfer, make_server):
    server = make_server(access)
    root = host.disks.create_root(server)
    rescue = host.disks.create_rescue(server)
    assert qemu_info(rescue)["virtual-size"] == 8 * MIB
    for _ in range(2):
        host.disks.remove_disk(server.uuid, disks.RESCUE)
    assert sorted(path.name for path in root.parent.iterdir()) == ["disk", "disk.base", "owner"]
    host.disks.remove_disk(make_server().uuid, disks.RESCUE)


# Crashes and full disks


def test_half_made_files_are_made_anew(host, access, make_server):
    server = make_server(access, ephemeral_gb=1)
    folder = host.disks.owned_folder(server.uuid)
    for name in ("disk.part", "disk.eph0.part", "disk.base", "disk.base.part"):
        (folder / name).write_bytes(b"half")
    host.disks.create_root(server)
    host.disks.create_ephemeral(server)
    host.disks.inspect(server.uuid)
    assert sorted(path.name for path in folder.iterdir()) == ["disk", "disk.base", "disk.eph0", "owner"]


class Killed(BaseException):
    """What no code may catch and go on: stands for SIGKILL between two steps."""


def _die_at(step: int, monkeypatch) -> list[int]:
    """Let the ``step``-th change of a name or call of sync() be the last thing that happens, clean-up included."""
    count = [0]

    def dying(function):
        def call(*arguments, **options):
            count[0] += 1
            if count[0] > step:
                raise Killed
            return function(*arguments, **options)

        return call

    whole = shutil.rmtree

    def half(folder, *arguments, **options):
        (Path(folder) / "owner").unlink(missing_ok=True)
        durable.sync(Path(folder))  # a step, so that it can die here
        whole(folder, *arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", half)
    for owner, names in (
        (Path, ("replace", "rename", "unlink", "mkdir", "chmod", "write_bytes")),
        (durable, ("sync",)),
        (shutil, ("rmtree",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, dying(getattr(owner, name)))
    return count


def test_a_create_that_dies_anywhere_is_finished_by_the_next_one(make_host, access, make_server, monkeypatch):
    host, died = make_host(), 0
    host.cache.base(access)
    for step in range(60):
        server = make_server(access, ephemeral_gb=1)
        with monkeypatch.context() as patch:
            _die_at(step, patch)
            try:
                host.disks.create_root(server)
                host.disks.create_ephemeral(server)
                finished = True
            except Killed:
                finished = False
                died += 1
        used = bases_in_use(host.instances)
        assert used or not host.disks.path(server.uuid).exists(), "an overlay whose base nobody protects"
        again = make_host()
        again.disks.create_root(server)
        again.disks.create_ephemeral(server)
        again.disks.inspect(server.uuid)
        folder = again.instances / server.uuid
        assert sorted(path.name for path in folder.iterdir()) == ["disk", "disk.base", "disk.eph0", "owner"]
        again.disks.remove(server.uuid)
        assert list(again.instances.iterdir()) == []
        if finished:
            break
    assert finished and died >= 15


def test_a_removal_that_dies_anywhere_is_finished_by_the_next_start(make_host, access, make_server, monkeypatch):
    host, died = make_host(), 0
    for step in range(20):
        server = make_server(access)
        host.disks.create_root(server)
        with monkeypatch.context() as patch:
            _die_at(step, patch)
            try:
                host.disks.remove(server.uuid)
                finished = True
            except Killed:
                finished = False
                died += 1
        again = make_host()  # its start() finishes what was begun
        if again.disks.list_uuids():
            again.disks.inspect(server.uuid)  # nothing had been begun: the disk is whole
            again.disks.remove(server.uuid)
        assert list(again.instances.iterdir()) == []
        if finished:
            break
    assert finished and died >= 2


def test_no_room_leaves_nothing(make_host, access, make_server):
    make_host().cache.base(access)
    host = make_host(keep_free=1 << 60)
    for create in (host.disks.create_root, host.disks.create_ephemeral):
        with pytest.raises(InsufficientResources, match="MiB free"):
            create(make_server(access, ephemeral_gb=1))
    assert list(host.instances.iterdir()) == []


@pytest.mark.parametrize("error", [InsufficientResources("full"), DriverError("qemu-img failed")])
def test_a_disk_that_cannot_be_made_leaves_nothing(error, host, access, make_server, monkeypatch):
    new, old = make_server(access, ephemeral_gb=1), make_server(access)
    host.disks.create_ephemeral(make_server(ephemeral_gb=1))
    host.disks.owned_folder(old.uuid)
    host.cache.base(access)
    before = sorted(host.instances.rglob("*"))

    def fail(path, *arguments):
        path.write_bytes(b"half a disk")
        raise error

    monkeypatch.setattr(host.tool, "create_overlay", fail)
    monkeypatch.setattr(host.tool, "create_empty", fail)
    for create, server in (
        (host.disks.create_root, new),
        (host.disks.create_ephemeral, new),
        (host.disks.create_root, old),
        (host.disks.create_rescue, old),
    ):
        with pytest.raises(type(error)):
            create(server)
        assert sorted(host.instances.rglob("*")) == before


# What is not ours


def test_folders_of_others_are_not_seen_and_not_touched(host, make_host, access, make_server):
    theirs, ours = make_server(access), make_server(access)
    other = make_host(deployment_id="theirs")
    path = other.disks.create_root(theirs)
    host.disks.create_root(ours)
    (host.instances / make_server().uuid).mkdir()  # nobody's
    assert host.disks.list_uuids() == [ours.uuid]
    for act in (
        lambda: host.disks.owned_folder(theirs.uuid),
        lambda: host.disks.create_rescue(theirs),
        lambda: host.disks.remove(theirs.uuid),
    ):
        with pytest.raises(DriverError, match="not made by this deployment"):
            act()
    host.disks.remove_disk(theirs.uuid, disks.ROOT)
    assert path.exists() and other.disks.list_uuids() == [theirs.uuid]


def test_links_are_not_followed(host, tmp_path, make_server):
    server, outside = make_server(), tmp_path / "outside"
    outside.mkdir()
    (outside / "owner").write_text("ours")
    (outside / "precious").write_text("data")
    (host.instances / server.uuid).symlink_to(outside)
    assert host.disks.list_uuids() == []
    with pytest.raises(DriverError):
        host.disks.remove(server.uuid)
    with pytest.raises(DriverError):
        host.disks.owned_folder(server.uuid)
    other = make_server()
    (host.disks.owned_folder(other.uuid) / "link").symlink_to(outside)
    host.disks.remove(other.uuid)
    (host.instances / f".{other.uuid}.gone").symlink_to(outside)
    host.disks.start()
    assert (outside / "precious").read_text() == "data"


@given(st.one_of(st.text(), st.sampled_from(["..", ".", "", "/", "../../etc", "0" * 36, "disk", "a/../b", "*"])))
def test_only_a_uuid_names_a_folder(text):
    subject = Disks(Path("/nowhere"), deployment_id="ours", cache=None, tool=None)
    for act in (subject.remove, subject.path, subject.owned_folder, subject.backing):
        with pytest.raises(DriverError, match="is no uuid"):
            act(text)


def test_a_uuid_with_more_behind_it_is_none(host, make_server):
    for text in (f"{make_server().uuid}/..", f"{make_server().uuid}\n", make_server().uuid.upper() + "A"):
        with pytest.raises(DriverError, match="is no uuid"):
            host.disks.remove(text)


def test_removing_what_is_not_there_is_no_error(host, make_server):
    host.disks.remove(make_server().uuid)


def test_others_on_the_machine_may_pass_a_folder_but_not_look_into_it(host, make_server):
    folder = host.disks.owned_folder(make_server().uuid)
    assert folder.stat().st_mode & 0o777 == 0o711 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
