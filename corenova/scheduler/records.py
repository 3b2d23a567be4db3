"""The scheduler's picture of the hosts as bytes: a copy of all columns, and the changes after it, for replay.

A decision names the picture that it was made on and the revision. From the last copy before it and the changes up to
it the table is rebuilt as it was, and the same pipeline (or one of another ini) decides again.
"""

import zlib
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from corenova.objects.host_row import HostRow
from corenova.objects.topology import UNUSED, TopologyClaim
from corenova.scheduler.hosts import HostTable

_LEVEL = 6
_encode = msgspec.msgpack.Encoder().encode
_FIELDS = [name for name in HostRow.__struct_fields__ if name not in ("inventories", "topology")]
_decode = msgspec.msgpack.Decoder().decode


def copy_of(table: HostTable) -> bytes:
    """Return the table as compressed bytes: column by column, what many hosts share once."""
    return packed(gathered(table))


def gathered(table: HostTable) -> dict[str, object]:
    """Return what :func:`packed` makes a copy of; nothing in it changes when the table does."""
    rows = [table.row(index) for index in range(len(table))]
    shapes = [table.shape(index) for index in range(len(table))]
    return {
        "revision": table.revision, "zone": table.default_zone, "rows": rows, "shapes": shapes,
        "classes": list(table.cells),
    }  # fmt: skip


def packed(found: dict[str, object]) -> bytes:
    """Return gathered hosts as compressed bytes; takes longer than gathering, and needs no table."""
    rows = found["rows"]
    columns = {name: _packed([getattr(row, name) for row in rows]) for name in _FIELDS}
    columns["inventories"] = _packed(found["shapes"])
    topologies = [row.topology for row in rows]
    columns["topology"] = _packed([t and msgspec.structs.replace(t, used=UNUSED) for t in topologies])
    columns["topology_used"] = _packed([t and t.used for t in topologies])
    used = {
        name: [row.inventories[name].used if name in row.inventories else 0 for row in rows]
        for name in found["classes"]
    }
    kept = {"revision": found["revision"], "zone": found["zone"], "columns": columns, "used": used}
    return zlib.compress(_encode(kept), _LEVEL)


def _packed(values: Sequence[object]) -> object:
    """Return a column as its few different values and which one each host has, or as it is when they are many."""
    kinds: dict[bytes, int] = {}
    ids = [kinds.setdefault(_encode(value), len(kinds)) for value in values]
    if len(kinds) > len(values) // 2 + 1:
        return list(values)
    size = np.uint16 if len(kinds) < 2**16 else np.uint32
    return {"kinds": list(kinds), "ids": np.array(ids, dtype=size).tobytes(), "size": np.dtype(size).itemsize}


def _unpacked(packed: object) -> list[object]:
    if isinstance(packed, list):
        return packed
    kinds = [_decode(kind) for kind in packed["kinds"]]
    return [kinds[i] for i in np.frombuffer(packed["ids"], dtype=f"u{packed['size']}")]


def table_of(copy: bytes) -> HostTable:
    """Return the table that ``copy_of`` has made a copy of, at its revision."""
    found = _decode(zlib.decompress(copy))
    columns = {name: _unpacked(packed) for name, packed in found["columns"].items()}
    rows = []
    for index, values in enumerate(zip(*columns.values(), strict=True)):
        told = dict(zip(columns, values, strict=True))
        told["inventories"] = {
            name: {**held, "used": found["used"][name][index]} for name, held in told["inventories"].items()
        }
        topology_used = told.pop("topology_used", None)
        if topology_used is not None:
            told["topology"] = {**told["topology"], "used": topology_used}
        rows.append(msgspec.convert(told, HostRow))
    return HostTable.of(rows, default_zone=found["zone"], revision=found["revision"])


def changes_of(log: Iterable[tuple]) -> bytes:
    """Return changes of a table (HostTable.log) as compressed bytes."""
    return zlib.compress(_encode(list(log)), _LEVEL)


def play(table: HostTable, changes: bytes, *, until: int) -> None:
    """Make these changes on the table, up to the revision ``until``."""
    for name, *given in _decode(zlib.decompress(changes)):
        if table.revision >= until:
            return
        _PLAYED[name](table, *given)


_PLAYED = {
    "load": lambda table, rows: table.load([msgspec.convert(row, HostRow) for row in rows]),
    "apply": lambda table, row: table.apply([msgspec.convert(row, HostRow)]),
    "consume": HostTable.consume,
    "release": HostTable.release,
    "take_topology": lambda table, row, claim: table.take_topology(row, msgspec.convert(claim, TopologyClaim)),
    "set_service": lambda table, row, is_up, disabled, reason: table.set_service(
        row, is_up=is_up, disabled=disabled, reason=reason
    ),
    "set_io_ops": HostTable.set_io_ops,
}
"""Changes by the name of the method that makes them."""
