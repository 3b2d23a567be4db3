"""What bytes are, whatever they are cut into."""

import pytest

from corenova.exceptions import InvalidInput
from corenova.image.formats import Inspection
from tests import disks


def inspect(data, disk_format, *, container="bare", piece=1024 * 1024):
    inspection = Inspection()
    for start in range(0, len(data), piece):
        inspection.eat(data[start : start + piece])
    return inspection.finish(disk_format, container)


@pytest.mark.parametrize("piece", [1024 * 1024, 4096, 37])
@pytest.mark.parametrize("name", disks.GOOD)
def test_what_is_as_declared_has_its_virtual_size(name, piece):
    disk_format, data, size = disks.GOOD[name]
    assert inspect(data, disk_format, piece=piece) == size


@pytest.mark.parametrize("piece", [1024 * 1024, 37])
@pytest.mark.parametrize("name", [name for name in disks.HOSTILE if name != "an enormous disk"])
def test_what_is_not_is_refused_with_its_reason(name, piece):
    disk_format, data, word = disks.HOSTILE[name]
    with pytest.raises(InvalidInput) as refusal:
        inspect(data, disk_format, piece=piece)
    assert word in str(refusal.value)


def test_a_container_that_nobody_opens_must_not_look_like_a_disk():
    assert inspect(b"\x1f\x8b" + bytes(1000), "qcow2", container="compressed") == 1002
    with pytest.raises(InvalidInput, match="declared as ova, but its content is qcow2"):
        inspect(disks.qcow2(), "qcow2", container="ova")


def test_little_is_kept_of_much():
    inspection = Inspection()
    for _ in range(200):
        inspection.eat(bytes(1024 * 1024))
    held = sum(sum(one.context_info.values()) for one in inspection._wrapper._inspectors)
    assert held < 4 * 1024 * 1024
