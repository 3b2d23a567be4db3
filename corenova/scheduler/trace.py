"""A trace of requests for the simulator: CSV lines of servers, with when each was asked for and how long it lived.

The columns are those of the published Azure traces in their processed form: times in 300 s bins, lifetimes as the
bounds of a bin. What lies inside a bin is drawn, so that a trace and a seed are one workload.
"""

import csv
import gzip
import math
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corenova.exceptions import InvalidInput

BIN_S = 300
_SHORTEST_S = 60.0
_LIFE = ("life_lo_s", "life_hi_s", "censored")


@dataclass(frozen=True)
class Size:
    """What one request asks for."""

    flavor: str
    vcpus: int
    ram_mb: int


@dataclass(frozen=True)
class Workload:
    """Requests in order of their arrival, one array entry a request.

    :ivar arrival_s: when it is asked for; ascending.
    :ivar departure_s: when it is deleted; ``inf`` is never.
    :ivar size: index into ``sizes``.
    :ivar sizes: the different requests.
    """

    arrival_s: np.ndarray
    departure_s: np.ndarray
    size: np.ndarray
    sizes: tuple[Size, ...]

    @property
    def vcpus(self) -> np.ndarray:
        """vCPUs of each request (int64)."""
        return np.array([size.vcpus for size in self.sizes], dtype=np.int64)[self.size]

    @property
    def ram_mb(self) -> np.ndarray:
        """RAM of each request in MiB (int64)."""
        return np.array([size.ram_mb for size in self.sizes], dtype=np.int64)[self.size]

    def events(self, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return time, request and sign (1 arrives, -1 departs) of all that happens up to the last arrival, in order.

        Of what happens at one moment departures come first.

        :param among: only these requests (indices).
        """
        request = np.arange(len(self.size)) if among is None else among
        leaving = request[self.departure_s[request] <= self.arrival_s[-1]]
        time_s = np.concatenate([self.departure_s[leaving], self.arrival_s[request]])
        sign = np.repeat([-1, 1], [len(leaving), len(request)])
        order = np.argsort(time_s, kind="stable")
        return time_s[order], np.concatenate([leaving, request])[order], sign[order]


@dataclass(frozen=True)
class Trace:
    """The servers of a trace, in the order of the file.

    :ivar time_s: start of the bin in which the server was asked for.
    :ivar life_lo_s: start of the bin in which its lifetime lies; None when the trace has no lifetimes.
    :ivar life_hi_s: start of the last bin in which it may lie.
    :ivar censored: it was still running at the end of the trace.
    """

    time_s: np.ndarray
    size: np.ndarray
    sizes: tuple[Size, ...]
    life_lo_s: np.ndarray | None = None
    life_hi_s: np.ndarray | None = None
    censored: np.ndarray | None = None

    def draw(self, seed: int) -> Workload:
        """Return the requests with exact times.

        One generator draws a number U for every server in the order of the file, first for all arrivals (time_s + U *
        300), then for all lifetimes (lo + U * (hi - lo + 300), at least 60 s). Each server is a request of its own,
        those of a batch too. Censored servers, and all of a trace without lifetimes, are never deleted.
        """
        random = np.random.default_rng(seed)
        arrival = self.time_s + random.random(len(self.time_s)) * BIN_S
        departure = np.full(len(arrival), np.inf)
        if self.life_lo_s is not None:
            span = self.life_hi_s - self.life_lo_s + BIN_S
            life = np.maximum(_SHORTEST_S, self.life_lo_s + random.random(len(arrival)) * span)
            departure = np.where(self.censored, np.inf, arrival + life)
        order = np.argsort(arrival, kind="stable")
        return Workload(arrival[order], departure[order], self.size[order], self.sizes)


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if number < least:
            raise ValueError
        return number

    return read


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError
    return number


def _ram_mb(text: str) -> int:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return math.ceil(number * 1024)


_SECONDS = (_seconds, "a number of seconds, 0 or more")
_COLUMNS: dict[str, tuple[Callable[[str], object], str]] = {
    "time_s": _SECONDS,
    "batch": (_whole(0), "a whole number, 0 or more"),
    "flavor": (str, "a name"),
    "vcpus": (_whole(1), "a whole number, 1 or more"),
    "mem_gb": (_ram_mb, "a number above 0"),
    "life_lo_s": _SECONDS,
    "life_hi_s": _SECONDS,
    "censored": (("0", "1").index, "0 or 1"),
    "servers": (_whole(1), "a whole number, 1 or more"),
}
"""The columns: how each is read (ValueError: it cannot), and the words for what it must be."""
_HEADER = (
    "The columns of a trace are time_s, batch, flavor, vcpus, mem_gb; where lifetimes are known also life_lo_s, "
    "life_hi_s, censored; and servers where a line means several."
)
_KEPT = ("time_s", *_LIFE, "servers")


def read(path: Path) -> Trace:
    """Read a trace, gzipped when its name ends in ``.gz``.

    :raises InvalidInput: the file cannot be read or is no trace; names the file, the line and the column.
    """
    open_text = gzip.open if path.suffix == ".gz" else open
    try:
        with open_text(path, "rt", encoding="utf-8", newline="") as file:
            return _parse(path, csv.reader(file))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}.") from error
    except (EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} is no trace: {error}.") from error


def _parse(path: Path, lines: Iterator[list[str]]) -> Trace:
    names = next(lines, [])
    has_lives = _check_header(path, names)
    columns = {name: array("d") for name in _KEPT if name in names}
    known: dict[Size, int] = {}
    size = array("q")
    # A trace repeats itself: what a text of a column means is worked out once.
    seen: list[dict[str, object]] = [{} for _ in names]
    for number, line in enumerate(lines, 2):
        if len(line) != len(names):
            raise InvalidInput(f"{path}, line {number}: {len(line)} fields, the header has {len(names)} columns.")
        try:
            values = dict(zip(names, map(dict.__getitem__, seen, line), strict=True))
        except KeyError:
            for name, text, meaning in zip(names, line, seen, strict=True):
                meaning[text] = _value(path, number, name, text)
            values = dict(zip(names, map(dict.__getitem__, seen, line), strict=True))
        for name, column in columns.items():
            column.append(values[name])
        asked = (values["flavor"], values["vcpus"], values["mem_gb"])
        size.append(known.setdefault(asked, len(known)))
    if not size:
        raise InvalidInput(f"{path} has no requests.")
    arrays = {name: np.frombuffer(column) for name, column in columns.items()}
    if has_lives:
        wrong = np.flatnonzero(arrays["life_hi_s"] < arrays["life_lo_s"])
        if len(wrong):
            raise InvalidInput(f"{path}, line {wrong[0] + 2}, column life_hi_s: it is below life_lo_s.")
    arrays["size"] = np.frombuffer(size, dtype=np.int64)
    servers = arrays.pop("servers", np.ones(len(size))).astype(np.int64)
    each = {name: np.repeat(column, servers) for name, column in arrays.items()}
    return Trace(sizes=tuple(Size(*asked) for asked in known), **each)


def _check_header(path: Path, names: list[str]) -> bool:
    """Refuse a header that is not one of a trace; return whether there are lifetimes."""
    has_lives = not set(_LIFE).isdisjoint(names)
    needed = [name for name in _COLUMNS if name != "servers" and (has_lives or name not in _LIFE)]
    for wrong, words in (
        ([name for name in names if name not in _COLUMNS], "is not one of a trace"),
        ([name for name in needed if name not in names], "is missing"),
        ([name for name in names if names.count(name) > 1], "is there twice"),
    ):
        if wrong:
            raise InvalidInput(f"{path}, line 1: column {wrong[0]!r} {words}. {_HEADER}")
    return has_lives


def _value(path: Path, number: int, name: str, text: str) -> object:
    read_value, words = _COLUMNS[name]
    try:
        return read_value(text)
    except ValueError:
        raise InvalidInput(f"{path}, line {number}, column {name}: {text!r} is not {words}.") from None
