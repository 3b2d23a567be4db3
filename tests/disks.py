"""Disk images for tests, good ones and hostile ones, each made of the header that matters and some bytes."""

import struct

KB64 = 64 * 1024


def qcow2(
    size=1024**3, *, version=3, backing_file=b"", features=0, length=2 * KB64, magic=b"QFI\xfb", bits=16
):  # fmt: skip
    """A qcow2 header as qemu-img writes it, with zeros behind it."""
    header = struct.pack(
        ">4sIQIIQIIQQIIQ",
        magic, version, 112 if backing_file else 0, len(backing_file), bits, size,
        0, 1, 3 * KB64, KB64, 1, 0, 0,
    )  # fmt: skip
    if version == 3:
        header += struct.pack(">QQQII", features, 0, 0, 4, 104) + bytes(8)
    return (header + backing_file).ljust(length, b"\0")


def vmdk(kind="monolithicSparse", *, extent=b'RW 2048 SPARSE "disk.vmdk"', size=2048, length=2 * KB64):
    """A sparse VMDK of ``size`` sectors with its descriptor inside."""
    descriptor = (
        b'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="' + kind.encode() + b'"\n\n'
        b"# Extent description\n" + extent + b"\n\n# The Disk Data Base\n#DDB\n"
    ).ljust(20 * 512, b"\0")
    header = struct.pack("<4sIIQQQQIQQQB", b"KDMV", 1, 3, size, 128, 1, 20, 512, 21, 25, 128, 0)
    return (header.ljust(512, b"\0") + descriptor).ljust(length, b"\0")


VMDK_DESCRIPTOR = (
    b'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
    b'# Extent description\nRW 2048 FLAT "/etc/passwd" 0\n'
).ljust(KB64, b"\0")
"""A VMDK that is only a text, which names another file."""


def mbr(*, boot=0x80, kind=0x83, length=KB64):
    """A raw disk with a partition table."""
    table = struct.pack("<B3sB3sII", boot, b"\0\2\0", kind, b"\0\0\0", 1, 100).ljust(64, b"\0")
    return (bytes(446) + table + b"\x55\xaa").ljust(length, b"\0")


def iso(*, length=KB64):
    """An ISO 9660 file system that is empty."""
    descriptor = bytearray(2048)
    descriptor[:6] = b"\1CD001"
    struct.pack_into("<L", descriptor, 80, length // 2048)
    struct.pack_into("<H", descriptor, 128, 2048)
    return (bytes(32 * 1024) + bytes(descriptor)).ljust(length, b"\0")


HOSTILE = {
    # CVE-2015-5163 and its kin: the guest reads a file of the host.
    "a backing file": ("qcow2", qcow2(backing_file=b"/etc/passwd"), "backing_file"),
    # CVE-2024-32498
    "an external data file": ("qcow2", qcow2(features=1 << 2), "data_file"),
    "an unknown feature": ("qcow2", qcow2(features=1 << 20), "unknown_features"),
    "an old version": ("qcow2", qcow2(version=1), "unknown_features"),
    # CVE-2022-47951
    "a descriptor that names a file": ("vmdk", VMDK_DESCRIPTOR, ""),
    "a flat extent": ("vmdk", vmdk("monolithicFlat", extent=b'RW 2048 FLAT "/etc/passwd" 0'), "descriptor"),
    # CVE-2026-24708: who lets qemu-img guess finds another format than was declared.
    "qcow2 as raw": ("raw", qcow2(), "declared as raw, but its content is qcow2"),
    "qcow2 as raw, cut short": ("raw", qcow2()[:200], "declared as raw, but its content is qcow2"),
    "vmdk as raw": ("raw", vmdk(), "declared as raw, but its content is vmdk"),
    "vmdk descriptor as raw": ("raw", VMDK_DESCRIPTOR, "declared as raw, but its content is"),
    "a whole vmdk descriptor as raw": ("raw", VMDK_DESCRIPTOR.rstrip(b"\0"), "vmdk"),
    "comments, then a vmdk descriptor": ("raw", b"#\n# x\n\nversion=1\n".ljust(KB64, b"\0"), "vmdk"),
    "parallels": ("raw", b"WithoutFreeSpace".ljust(KB64, b"\0"), "parallels"),
    "raw as qcow2": ("qcow2", bytes(KB64), "declared as qcow2, but its content is raw"),
    "an empty file as qcow2": ("qcow2", b"", "declared as qcow2, but its content is raw"),
    "vmdk as qcow2": ("qcow2", vmdk(), "declared as qcow2, but its content is vmdk"),
    "two formats at once": ("qcow2", qcow2()[: 32 * 1024] + iso()[32 * 1024 :], "iso and qcow2"),
    "qed": ("raw", b"QED\0".ljust(KB64, b"\1"), "qed"),
    "an enormous disk": ("qcow2", qcow2(size=2**62), "max_virtual_size_gb"),
    "a disk of no size": ("qcow2", qcow2(size=0), "how large its disk is"),
    "luks as raw": ("raw", (b"LUKS\xba\xbe\0\1" + bytes(600)).ljust(KB64, b"\0"), "luks"),
    "iso as qcow2": ("qcow2", iso(), "iso"),
}
"""What an upload must refuse: declared format, bytes, and a word of the reason."""
GOOD = {
    "raw": ("raw", b"\1" * KB64, KB64),
    "a small raw": ("raw", b"hello", 5),
    "an empty raw": ("raw", b"", 0),
    "partitions": ("raw", mbr(), KB64),
    # Only the guest reads what is in a raw disk, whatever sense it makes.
    "partitions that make no sense": ("raw", mbr(boot=0x13), KB64),
    "a boot sector without partitions": ("raw", bytes(510) + b"\x55\xaa" + bytes(KB64 - 512), KB64),
    "qcow2": ("qcow2", qcow2(size=5 * 1024**3), 5 * 1024**3),
    "old qcow2": ("qcow2", qcow2(size=4096, version=2), 4096),
    "vmdk": ("vmdk", vmdk(), 2048 * 512),
    "iso": ("iso", iso(), KB64),
    "a kernel": ("aki", b"MZ".ljust(KB64, b"\2"), KB64),
}
"""What it must take: declared format, bytes, virtual size."""
