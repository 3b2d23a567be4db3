"""What would help when nothing fits: the smallest changes of the request or of the fleet, judged by the same plug-ins.

Only the plug-ins that a change concerns are asked again, about the hosts that all the others let pass (verdicts.py); so
ten changes on ten thousand hosts cost little more than to say why nothing fits.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from corenova.objects.decision import Remedy
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.changes import Change, changes, least, with_amount
from corenova.scheduler.imagined import Empty, InService, every
from corenova.scheduler.stages.capacity import Capacity, room_for
from corenova.scheduler.verdicts import Verdicts, ask

_MOST = 6
_MOST_NAMES = 10
_MOST_HALVED = 64
_MOST_FIRST = 12
"""With how many changes another one is tried, when none helps by itself."""
_MOST_KINDS = 64
"""Of how many kinds of hosts one more is tried, the most common first."""
_SIZE = {
    "fewer": 0.0, "zone": 0.1, "hint": 0.15, "destination": 0.2, "trait": 0.25, "extra_spec": 0.3,
    "image_property": 0.3, "group": 0.4, "service": 0.45, "host": 1.2, "size": 1.3, "filter": 1.4,
}  # fmt: skip
"""How large each kind of change is; of a reduction it is the share that is cut off."""


class Help(NamedTuple):
    """A remedy, how large a change it is, and on which hosts it helps."""

    size: float
    remedy: Remedy
    mask: np.ndarray


def remedies(verdicts: Verdicts, *, batch: tuple[int, int] = (0, 1)) -> tuple[Remedy, ...]:
    """Return what would help, the smallest change first.

    :param batch: how many instances of the batch have found a host, of how many.
    """
    if not len(verdicts.hosts) or verdicts.spec.is_rebuild:
        return ()
    wishes = Wishes(verdicts)
    found = [*wishes.without_one(), *wishes.with_less()]
    found = [*(found or wishes.with_two_changes()), *_in_service(verdicts)]
    found += [*_refused_alone(verdicts, found), *_one_more(verdicts), *_fewer(verdicts, batch)]
    return tuple(help_.remedy for help_ in sorted(found, key=lambda h: (h.size, -h.remedy.hosts))[:_MOST])


def _help(
    verdicts: Verdicts, mask: np.ndarray, kind: str, sentence: str, *, size: float = 0.0, **facts: object
) -> Help:
    rows = np.flatnonzero(mask)
    names = tuple(verdicts.hosts.names[row] for row in rows[:_MOST_NAMES].tolist())
    remedy = Remedy(kind=kind, sentence=sentence, host_names=names, **{"hosts": len(rows), **facts})
    return Help(size or _SIZE[kind], remedy, mask)


def _are(count: int) -> str:
    return f"is {count}" if count == 1 else f"are {count}"


def _number(count: int) -> str:
    return f"{count} host{'s' if count != 1 else ''}"


# Another request.


class Wishes:
    """The request with one wish less, or with less of something; on request with ``before`` changed already."""

    def __init__(self, verdicts: Verdicts, before: Change | None = None):
        self._verdicts = verdicts
        self._hosts = verdicts.hosts
        self._before = before
        self._spec = verdicts.spec if before is None else before.spec
        self._fields = frozenset() if before is None else before.fields

    def without_one(self) -> Iterator[Help]:
        """Another zone, without a trait, a hint, an extra spec, outside the group."""
        for change in changes(self._spec):
            if self._before is not None and change.said <= self._before.said:
                continue  # a pair is tried in one order
            mask = self._verdicts.fitting(change.spec, change.fields | self._fields)
            if mask.any():
                yield self._help(change, mask, _SIZE[change.kind])

    def with_less(self) -> Iterator[Help]:
        """The largest amount of one resource class that fits while all else stays; or less of several."""
        found = [one for name, asked in self._spec.resources().items() if (one := self._less_of(name, asked))]
        yield from found or (_less_of_several(self._verdicts) if self._before is None else ())

    def with_two_changes(self) -> Iterator[Help]:
        """Every one of the changes above together with another."""
        pairs = (
            help_
            for change in itertools.islice(changes(self._spec), _MOST_FIRST)
            for wishes in [Wishes(self._verdicts, change)]
            for help_ in itertools.chain(wishes.without_one(), wishes.with_less())
        )
        yield from itertools.islice(pairs, _MOST)

    def _less_of(self, name: str, asked: int) -> Help | None:
        fits, mask = self._largest(name, asked)
        if not fits:
            return None
        said = f"With {asked - fits} {name} less, {fits} instead of {asked},"
        facts = {"resource_class": name, "asked": asked, "fits": fits}
        return self._help(Change("reduce", said, self._spec, frozenset(), facts), mask, (asked - fits) / asked)

    def _largest(self, name: str, asked: int) -> tuple[int, np.ndarray]:
        """Return the largest amount of a class below ``asked`` that fits somewhere, and where; 0 when there is none."""
        nowhere = np.zeros(len(self._hosts), dtype=bool)
        made = with_amount(self._spec, name, asked - 1)
        if made is None:
            return 0, nowhere
        others = {other: amount for other, amount in self._spec.resources().items() if other != name}
        most, possible = _most_at_once(self._verdicts, name, asked - 1)
        possible &= self._verdicts.untouched(made[0], made[1] | self._fields) & room_for(self._hosts, others)
        if not possible.any():
            return 0, nowhere
        high = int(most[possible].max())
        mask = self._with(name, high, possible)
        if mask.any():
            return high, mask
        # Capacity has nothing against it, somebody else who reads the amount has: halve, for the hosts with the most.
        step = int(self._hosts.limits(name)[2][possible].max())
        few = np.zeros(len(self._hosts), dtype=bool)
        few[np.argsort(np.where(possible, -most, 1), kind="stable")[:_MOST_HALVED]] = True
        low, high = least(self._spec, name) - 1, high - 1
        while (amount := (low + high + 1) // 2 // step * step) > low:
            if self._with(name, amount, few & possible).any():
                low = amount
            else:
                high = amount - 1
        mask = self._with(name, low, possible)
        return (low, mask) if mask.any() else (0, nowhere)

    def _with(self, name: str, amount: int, among: np.ndarray) -> np.ndarray:
        made = with_amount(self._spec, name, amount) if amount else None
        if made is None:
            return np.zeros(len(self._hosts), dtype=bool)
        return self._verdicts.fitting(made[0], made[1] | self._fields, among)

    def _help(self, change: Change, mask: np.ndarray, size: float) -> Help:
        """Word one change, or two of which one was made before."""
        both = [change] if self._before is None else [self._before, change]
        filters = tuple(guard.name for guard, kept in self._verdicts.kept.items() if (mask & ~kept.mask).any())
        parts = tuple(Remedy(kind=one.kind, sentence=one.said, **one.facts, **self._zones(one, mask)) for one in both)
        said = both[0].said if len(both) == 1 else f"{both[0].said}, and {both[1].said[0].lower()}{both[1].said[1:]}"
        by = f" ({', '.join(filters)})" if change.kind not in ("zone", "reduce") else ""
        at_least = "at least " if self._verdicts.partial else ""
        sentence = f"{said}{by} it fits on {at_least}{_number(np.count_nonzero(mask))}."
        if len(both) == 2:
            size += _SIZE[self._before.kind]
            return _help(self._verdicts, mask, "several", sentence, size=size, filters=filters, parts=parts)
        facts = {**change.facts, **self._zones(change, mask)}
        if change.kind == "zone":
            zones = ", ".join(f"{zone} ({_number(count)})" for zone, count in self._counted(mask))
            sentence = f"In another zone it fits: {zones}."
        return _help(self._verdicts, mask, change.kind, sentence, size=size, filters=filters, **facts)

    def _zones(self, change: Change, mask: np.ndarray) -> dict[str, object]:
        if change.kind != "zone":
            return {}
        best, *others = (zone for zone, _ in self._counted(mask))
        return {"zone": best, "also": tuple(others)}

    def _counted(self, mask: np.ndarray) -> list[tuple[str, int]]:
        return Counter(self._hosts.zone(row) for row in np.flatnonzero(mask).tolist()).most_common()


def _most_at_once(verdicts: Verdicts, name: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of a class each host can give at once, up to ``most``, and where that is enough to be of use."""
    low, high, step = verdicts.hosts.limits(name)
    amounts = np.minimum(np.minimum(verdicts.hosts.free(name), high), most)
    amounts = amounts - amounts % step
    return amounts, amounts >= np.maximum(low, least(verdicts.spec, name))


def _less_of_several(verdicts: Verdicts) -> Iterator[Help]:
    """The host that lacks the least of all classes together says how much of each fits."""
    spec, hosts = verdicts.spec, verdicts.hosts
    wanted = spec.resources()
    fields: frozenset[str] = frozenset()
    left = np.ones(len(hosts), dtype=bool)
    share = np.zeros(len(hosts))
    amounts = {}
    for name, asked in wanted.items():
        amounts[name], enough = _most_at_once(verdicts, name, asked)
        left &= enough
        share += (asked - amounts[name]) / asked
        made = with_amount(spec, name, max(asked - 1, 1))
        fields |= made[1] if made else frozenset()
    left &= verdicts.untouched(spec, fields)
    if not left.any():
        return
    row = int(np.where(left, share, np.inf).argmin())
    fits = {name: int(amounts[name][row]) for name, asked in wanted.items() if amounts[name][row] < asked}
    changed: RequestSpec = spec
    for name, amount in fits.items():
        made = with_amount(changed, name, amount)
        if made is None:
            return
        changed = made[0]
    mask = verdicts.fitting(changed, fields)
    if mask.any():
        said = " and ".join(f"{amount} {name} instead of {wanted[name]}" for name, amount in fits.items())
        sentence = f"With {said} it fits on {_number(np.count_nonzero(mask))}."
        yield _help(verdicts, mask, "reduce", sentence, size=float(share[row]), amounts=fits)


def _fewer(verdicts: Verdicts, batch: tuple[int, int]) -> Iterator[Help]:
    placed, count = batch
    if placed:
        nowhere = np.zeros(len(verdicts.hosts), dtype=bool)
        yield _help(verdicts, nowhere, "fewer", f"{placed} of {count} fit: ask for {placed}.", asked=count, fits=placed)


# Another fleet: for operators.


def _in_service(verdicts: Verdicts) -> Iterator[Help]:
    """Hosts that are disabled or down, if they were not. Whoever let them pass as they are need not be asked."""
    hosts = verdicts.hosts
    rows = np.flatnonzero(hosts.disabled | ~hosts.is_up)
    if not len(rows):
        return
    left = np.ones(len(rows), dtype=bool)
    again = InService(hosts, rows)
    for guard, kept in verdicts.kept.items():
        passed = kept.mask[rows]
        if kept.failed:
            left &= passed
        elif (left & ~passed).any():
            left &= passed | ask(guard, again, verdicts.spec, left & ~passed).mask
    if left.any():
        mask = np.zeros(len(hosts), dtype=bool)
        mask[rows[left]] = True
        sentence = f"Of the hosts that are disabled or down, {np.count_nonzero(left)} would take it."
        yield _help(verdicts, mask, "service", sentence, for_operators=True)


def _one_more(verdicts: Verdicts) -> Iterator[Help]:
    """One more host, like the most common ones that would take it when empty."""
    hosts, spec = verdicts.hosts, verdicts.spec
    nowhere = np.zeros(len(hosts), dtype=bool)
    if not room_for(every(Empty, hosts), spec.resources()).any():
        yield _too_large(verdicts, nowhere)
        return
    kinds = hosts.alike(_MOST_KINDS)
    new = Empty(hosts, np.array([row for row, _ in kinds]))
    left = np.ones(len(kinds), dtype=bool)
    if any(kept.failed for kept in verdicts.kept.values()):
        return
    for guard in verdicts.kept:
        if left.any():
            left &= ask(guard, new, spec, left).mask
    if left.any():
        row, count = kinds[int(left.argmax())]
        size = ", ".join(f"{held.capacity} {name}" for name, held in sorted(hosts.shape(row).items()))
        sentence = f"One more host of {size} in zone {hosts.zone(row)}, as there {_are(count)}, would take it."
        facts = {"hosts": count, "name": size, "zone": hosts.zone(row), "host_names": (hosts.names[row],)}
        remedy = Remedy(kind="host", sentence=sentence, for_operators=True, **facts)
        yield Help(_SIZE["host"], remedy, nowhere)


def _too_large(verdicts: Verdicts, nowhere: np.ndarray) -> Help:
    """No host has the room, whatever leaves it: say what there is too little of."""
    hosts = verdicts.hosts
    largest = {
        name: int(np.minimum(hosts.capacity(name), hosts.limits(name)[1]).max()) for name in verdicts.spec.resources()
    }
    short = [(name, asked) for name, asked in verdicts.spec.resources().items() if largest[name] < asked]
    said = "".join(f" {name}: {asked} asked, {largest[name]} at most." for name, asked in short)
    facts: dict[str, object] = {}
    if short:
        name, asked = short[0]
        facts = {"resource_class": name, "asked": asked, "fits": largest[name]}
    sentence = f"No host is large enough even when empty.{said}"
    return _help(verdicts, nowhere, "size", sentence, for_operators=True, **facts)


def _refused_alone(verdicts: Verdicts, found: Sequence[Help]) -> Iterator[Help]:
    """Filters that are the only obstacle on hosts for which no other remedy is known."""
    helped = np.zeros(len(verdicts.hosts), dtype=bool)
    overcome = {name for one in found for name in one.remedy.filters}
    for one in found:
        helped |= one.mask
    for guard, mask in verdicts.alone().items():
        mask = mask & ~helped
        if mask.any() and guard.name not in overcome and not isinstance(guard.plugin, Capacity):
            reads = ", ".join(sorted(verdicts.kept[guard].reads)) or "nothing"
            sentence = f"{guard.name} alone refuses {_number(np.count_nonzero(mask))}; of the request it reads {reads}."
            facts = {"name": guard.name, "filters": (guard.name,), "for_operators": True}
            yield _help(verdicts, mask, "filter", sentence, **facts)
