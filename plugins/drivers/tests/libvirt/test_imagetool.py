"""The choke point of disk images: a corpus of hostile files, and what is done with good ones."""

import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest
from oslo_concurrency import processutils

from corenova.exceptions import BuildAbort, ConfigurationError, DriverError, InsufficientResources
from corenova_drivers.libvirt.imagetool import ImageTool
from corenova_drivers.libvirt.inspection import CachedBase

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="needs qemu-img (Debian: qemu-utils)")

MIB = 1 << 20
SECRET = b"root:x:0:0:a secret of the host"


def qemu_img(*words: object) -> None:
    """Run the real program, as a user with bad intentions would at home."""
    subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True, timeout=60)


def backing_file(folder: Path) -> Path:
    """CVE-2015-7548 and its like: the guest would read a file of the host as its disk."""
    secret, image = folder / "secret", folder / "image"
    secret.write_bytes(SECRET.ljust(4096, b"."))
    qemu_img("create", "-f", "qcow2", "-b", secret, "-F", "raw", image, "1M")
    return image


def backing_passwd(folder: Path) -> Path:
    image = folder / "image"
    qemu_img("create", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", image, "1M")
    return image


def backing_json(folder: Path) -> Path:
    image = folder / "image"
    name = 'json:{"driver":"raw","file":{"driver":"file","filename":"/etc/passwd"}}'
    qemu_img("create", "-f", "qcow2", "-u", "-b", "x" * len(name), "-F", "raw", image, "1M")
    image.write_bytes(image.read_bytes().replace(b"x" * len(name), name.encode()))
    return image


def data_file(folder: Path) -> Path:
    """CVE-2024-32498: the content of the disk is in another file, which the header names."""
    image = folder / "image"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={folder / 'secret'},data_file_raw=on", image, "1M")
    (folder / "secret").write_bytes(SECRET.ljust(MIB, b"."))
    return image


def vmdk_descriptor(folder: Path) -> Path:
    """CVE-2022-47951: a text that names files of the host."""
    image = folder / "image"
    text = '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 2048 FLAT "/etc/passwd" 0\n'
    image.write_bytes(text.encode().ljust(2048, b"\n"))
    return image


def vmdk(folder: Path) -> Path:
    qemu_img("create", "-f", "vmdk", folder / "image", "1M")
    return folder / "image"


def vhd(folder: Path) -> Path:
    qemu_img("create", "-f", "vpc", folder / "image", "1M")
    return folder / "image"


def qed(folder: Path) -> Path:
    qemu_img("create", "-f", "qed", folder / "image", "1M")
    return folder / "image"


def luks(folder: Path) -> Path:
    (folder / "image").write_bytes(b"LUKS\xba\xbe\x00\x01".ljust(MIB, b"\0"))
    return folder / "image"


def qcow2_in_raw(folder: Path) -> Path:
    """CVE-2026-24708: a guest has written a header into its raw disk."""
    image, header = folder / "image", backing_passwd(folder).read_bytes()
    image.write_bytes(header.ljust(4 * MIB, b"\0"))
    return image


def qcow1(folder: Path) -> Path:
    qemu_img("create", "-f", "qcow", folder / "image", "1M")
    return folder / "image"


def bomb(folder: Path) -> Path:
    """A file of 16 MiB that claims to be 1 PiB."""
    qemu_img("create", "-f", "qcow2", folder / "image", "1P")
    return folder / "image"


def truncated(folder: Path) -> Path:
    image = folder / "image"
    (folder / "raw").write_bytes(os.urandom(3 * MIB))
    qemu_img("convert", "-f", "raw", "-O", "qcow2", folder / "raw", image)
    os.truncate(image, MIB)
    return image


def only_a_header(folder: Path) -> Path:
    os.truncate(truncated(folder), 600)
    return folder / "image"


def half_a_header(folder: Path) -> Path:
    os.truncate(truncated(folder), 100)
    return folder / "image"


def unknown_feature(folder: Path) -> Path:
    image = folder / "image"
    qemu_img("create", "-f", "qcow2", image, "1M")
    with image.open("r+b") as file:
        file.seek(72)
        file.write(struct.pack(">Q", 1 << 40))
    return image


def encrypted(folder: Path) -> Path:
    image = folder / "image"
    qemu_img("create", "-f", "qcow2", image, "1M")
    with image.open("r+b") as file:
        file.seek(32)
        file.write(struct.pack(">I", 1))
    return image


def empty(folder: Path) -> Path:
    (folder / "image").touch()
    return folder / "image"


def garbage_after_magic(folder: Path) -> Path:
    (folder / "image").write_bytes(b"QFI\xfb" + b"\xff" * MIB)
    return folder / "image"


def huge_table(folder: Path) -> Path:
    """A header whose tables would take gigabytes of qemu-img's memory."""
    image = folder / "image"
    qemu_img("create", "-f", "qcow2", image, "1M")
    with image.open("r+b") as file:
        file.seek(36)
        file.write(struct.pack(">I", 0x7FFFFFFF))
    return image


HOSTILE = [
    (backing_file, "qcow2", "backing file"),
    (backing_file, "raw", "declared as raw"),
    (backing_passwd, "qcow2", "backing file"),
    (backing_json, "qcow2", "backing file"),
    (data_file, "qcow2", "external data file"),
    (data_file, "raw", "declared as raw"),
    (vmdk_descriptor, "raw", "declared as raw"),
    (vmdk_descriptor, "qcow2", "declared as qcow2"),
    (vmdk_descriptor, "vmdk", "its format is vmdk"),
    (vmdk, "raw", "declared as raw"),
    (vhd, "raw", "declared as raw"),
    (qed, "raw", "declared as raw"),
    (luks, "raw", "declared as raw"),
    (qcow2_in_raw, "raw", "declared as raw"),
    (qcow1, "qcow2", "cannot be used"),
    (qcow1, "raw", "declared as raw"),
    (bomb, "qcow2", "is not between"),
    (truncated, "qcow2", "damaged"),
    (only_a_header, "qcow2", "damaged"),
    (half_a_header, "qcow2", "too short"),
    (half_a_header, "raw", "too short"),
    (unknown_feature, "qcow2", "not known to be safe"),
    (encrypted, "qcow2", "it is encrypted"),
    (empty, "raw", "too short"),
    (garbage_after_magic, "qcow2", "cannot be used"),
    (huge_table, "qcow2", "damaged"),
]


@pytest.mark.parametrize(("make", "declared", "reason"), HOSTILE, ids=lambda value: getattr(value, "__name__", value))
def test_a_hostile_image_is_refused_in_one_sentence(make, declared, reason, tool, tmp_path):
    image = make(tmp_path)
    with pytest.raises(BuildAbort, match=reason) as refused:
        tool.examine(image, declared, name="Image 7")
    sentence = str(refused.value)
    assert sentence.startswith("Image 7 cannot be used: ") and sentence.endswith(".") and "\n" not in sentence
    assert str(tmp_path) not in sentence


@pytest.mark.parametrize("make", [backing_file, backing_passwd, backing_json, data_file, qcow2_in_raw, vmdk_descriptor])
@pytest.mark.parametrize("declared", ["raw", "qcow2"])
def test_no_operation_lets_the_content_of_another_file_out(make, declared, tool, tmp_path):
    image, target = make(tmp_path), tmp_path / "target"
    before = hashlib.sha256(image.read_bytes()).digest()
    for operation in (
        lambda: tool.inspect(image, declared),
        lambda: tool.info(image, declared),
        lambda: tool.resize(image, declared, 64 * MIB),
        lambda: tool.create_overlay(target, image, declared, 64 * MIB),
        lambda: tool.convert(image, declared, target, "raw"),
    ):
        with pytest.raises(BuildAbort):
            operation()
    assert not target.exists()
    assert hashlib.sha256(image.read_bytes()).digest() == before


def test_the_corpus_is_hostile(tmp_path):
    """Without the inspection the secret does come out; otherwise the tests above would prove nothing."""
    qemu_img("convert", "-O", "raw", backing_file(tmp_path), tmp_path / "target")
    assert SECRET in (tmp_path / "target").read_bytes()


@pytest.mark.parametrize("disk_format", ["vmdk", "vpc", "luks", "", "raw,file.filename=/etc/passwd"])
def test_no_other_format_is_made(disk_format, tool, tmp_path):
    with pytest.raises(BuildAbort, match="its format is"):
        tool.create_empty(tmp_path / "disk", disk_format, MIB)
    assert not list(tmp_path.iterdir())


def test_good_images(tool, tmp_path, qcow2):
    (tmp_path / "a").write_bytes(qcow2(8))
    facts = tool.examine(tmp_path / "a", "qcow2")
    assert (facts.format, facts.virtual_size) == ("qcow2", 8 * MIB)
    assert 0 < facts.actual_size < 8 * MIB
    (tmp_path / "b").write_bytes(b"any bytes" * 1000)
    assert tool.examine(tmp_path / "b", "raw")[:2] == ("raw", 9000)


def test_a_boot_sector_and_an_iso_are_content_of_a_raw_disk(tool, tmp_path):
    sector = bytes(510) + b"\x55\xaa"
    (tmp_path / "mbr").write_bytes(sector + bytes(MIB))
    assert tool.examine(tmp_path / "mbr", "raw").virtual_size == MIB + 512
    iso = bytearray(sector + bytes(MIB))
    iso[0x8000:0x8006] = b"\x01CD001"
    (tmp_path / "iso").write_bytes(iso)
    assert tool.examine(tmp_path / "iso", "raw").format == "raw"


def test_a_large_sparse_disk_is_not_read_whole(tool, tmp_path):
    with (tmp_path / "disk").open("wb") as file:
        file.truncate(1 << 40)
    assert tool.inspect(tmp_path / "disk", "raw") == ("raw", 1 << 40, 0)


def test_neither_links_nor_devices_nor_pipes_are_followed(tool, tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "link", tmp_path / "pipe", Path("/dev/zero"), tmp_path / "nothing", tmp_path):
        with pytest.raises(DriverError):
            tool.inspect(path, "raw")


@pytest.fixture
def base(tmp_path, qcow2):
    (tmp_path / "base").write_bytes(qcow2(8, b"of the base"))
    return CachedBase(tmp_path / "base", "qcow2", 8 * MIB)


def test_an_overlay_is_ours_only_on_its_own_base(base, tool, tmp_path):
    disk = tmp_path / "disk"
    tool.create_overlay(disk, base.path, base.format, 64 * MIB)
    assert tool.inspect_own(disk, base).virtual_size == 64 * MIB
    assert tool.info(disk, "qcow2", backing=base)["backing-filename-format"] == "qcow2"
    for other in (None, base._replace(path=tmp_path / "other"), base._replace(path=Path(f"{base.path}x"))):
        with pytest.raises(BuildAbort):
            tool.inspect_own(disk, other)
    with pytest.raises(BuildAbort):
        tool.inspect(disk, "qcow2")
    tool.create_empty(tmp_path / "alone", "qcow2", MIB)
    with pytest.raises(BuildAbort, match="does not stand on"):
        tool.inspect_own(tmp_path / "alone", base)


def test_an_overlay_with_a_data_file_is_not_ours(base, tool, tmp_path):
    disk = tmp_path / "disk"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path / 'd'}", "-b", base.path, "-F", "qcow2", disk, "8M")
    with pytest.raises(BuildAbort, match="external data file"):
        tool.inspect_own(disk, base)


def test_a_copy_has_what_the_guest_sees_and_stands_alone(base, tool, tmp_path):
    disk = tmp_path / "disk"
    tool.create_overlay(disk, base.path, base.format, 16 * MIB)
    for target_format, compress in (("raw", False), ("qcow2", False), ("qcow2", True)):
        target = tmp_path / f"{target_format}{compress}"
        facts = tool.convert(disk, "qcow2", target, target_format, backing=base, compress=compress)
        assert facts.virtual_size == 16 * MIB
    assert (tmp_path / "rawFalse").read_bytes()[:11] == b"of the base"
    assert (tmp_path / "qcow2True").stat().st_size < (tmp_path / "qcow2False").stat().st_size
    with pytest.raises(BuildAbort):
        tool.convert(disk, "qcow2", tmp_path / "no", "raw")
    assert not (tmp_path / "no").exists()


def test_disks_grow_and_never_shrink(base, tool, tmp_path):
    disk = tmp_path / "disk"
    tool.create_overlay(disk, base.path, base.format, 16 * MIB)
    for size in (32 * MIB, 32 * MIB):
        tool.resize(disk, "qcow2", size, backing=base)
        assert tool.inspect_own(disk, base).virtual_size == size
    with pytest.raises(DriverError, match="cannot shrink"):
        tool.resize(disk, "qcow2", MIB, backing=base)
    with pytest.raises(BuildAbort, match="is not between"):
        tool.resize(disk, "qcow2", 1 << 60, backing=base)


def test_cve_2026_24708_a_raw_disk_is_looked_at_before_each_operation(tool, tmp_path):
    disk = tmp_path / "disk"
    tool.create_empty(disk, "raw", 4 * MIB)
    tool.resize(disk, "raw", 8 * MIB)
    header = backing_passwd(tmp_path).read_bytes()
    with disk.open("r+b") as file:  # what the guest does
        file.write(header)
    with pytest.raises(BuildAbort, match="declared as raw, but its content is qcow2"):
        tool.resize(disk, "raw", 16 * MIB)
    assert disk.stat().st_size == 8 * MIB


def test_qemu_img_runs_under_limits(tmp_path, qcow2):
    (tmp_path / "image").write_bytes(qcow2(8))
    with pytest.raises(BuildAbort, match="damaged"):
        ImageTool(address_space=32 << 20).examine(tmp_path / "image", "qcow2")


def test_every_command_has_its_limits_and_a_base_is_not_even_opened(base, tool, tmp_path, monkeypatch):
    ran, execute = {}, processutils.execute

    def note(*words, prlimit, **options):
        ran[words[1]] = (words, prlimit)
        return execute(*words, prlimit=prlimit, **options)

    monkeypatch.setattr(processutils, "execute", note)
    disk = tmp_path / "disk"
    tool.examine(base.path, base.format)
    tool.create_overlay(disk, base.path, base.format, 16 * MIB)
    tool.resize(disk, "qcow2", 32 * MIB, backing=base)
    tool.convert(disk, "qcow2", tmp_path / "copy", "raw", backing=base)
    assert set(ran) == {"info", "check", "create", "resize", "convert"}
    for words, limits in ran.values():
        assert (limits.address_space, limits.core_file_size) == (1 << 30, 0)
        assert limits.cpu_time == (3600 if words[1] == "convert" else 30)
    assert ran["convert"][1].file_size == 32 * MIB + 4 * MIB + 64 * MIB
    assert "-u" in ran["create"][0]


def test_a_full_disk_is_said_so(tool, tmp_path, monkeypatch):
    def fail(*words, **options):
        raise processutils.ProcessExecutionError(stderr="qemu-img: x: No space left on device", exit_code=1)

    monkeypatch.setattr(processutils, "execute", fail)
    with pytest.raises(InsufficientResources):
        tool.create_empty(tmp_path / "disk", "qcow2", MIB)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_images_are_parsed_as_another_user(tmp_path, qcow2):
    (tmp_path / "image").write_bytes(qcow2(8))
    (tmp_path / "image").chmod(0o600)
    tool = ImageTool(reader="nobody")
    tool.require()
    with pytest.raises(DriverError, match="not allowed to read") as error:  # which is not the image's fault
        tool.examine(tmp_path / "image", "qcow2")
    assert not isinstance(error.value, BuildAbort)
    with pytest.raises(ConfigurationError, match="no user no-such-user"):
        ImageTool(reader="no-such-user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_that_user_needs_no_more_than_to_read(qcow2):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        image = Path(folder, "image")
        image.write_bytes(qcow2(8))
        image.chmod(0o444)
        assert ImageTool(reader="nobody").examine(image, "qcow2").virtual_size == 8 * MIB
