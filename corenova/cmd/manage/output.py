"""How commands answer: rich tables on a terminal, aligned text elsewhere, JSON when asked for."""

import sys
from collections.abc import Sequence

import msgspec

_BAR = 10


class Output:
    """Where a command's answer goes.

    :param as_json: only :meth:`json` writes; else only the others do.
    """

    def __init__(self, *, as_json: bool):
        self.as_json = as_json
        self._is_terminal = sys.stdout.isatty()

    def json(self, value: object) -> None:
        """Write ``value``, when JSON was asked for."""
        if self.as_json:
            text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
            sys.stdout.write(text + "\n")

    def line(self, text: str = "") -> None:
        """Write a line."""
        if not self.as_json:
            sys.stdout.write(text + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write a table; None is shown as ``-``."""
        if self.as_json:
            return
        cells = [["-" if value is None else str(value) for value in row] for row in rows]
        if self._is_terminal:
            self._rich(columns, cells)
            return
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in [[column.upper() for column in columns], *cells]:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write("  ".join(padded).rstrip() + "\n")

    @staticmethod
    def _rich(columns: Sequence[str], cells: list[list[str]]) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(*columns, header_style="bold", box=None, pad_edge=False)
        for row in cells:
            table.add_row(*map(escape, row))
        Console().print(table)

    def bar(self, part: float, whole: float) -> str:
        """Return a bar of ``part`` in ``whole``, with the two numbers."""
        share = min(part / whole, 1.0) if whole > 0 else 0.0
        full = max(round(share * _BAR), 1 if part > 0 else 0)  # a little is not nothing
        on, off = ("█", "░") if self._is_terminal else ("#", ".")
        return f"{on * full}{off * (_BAR - full)} {part:g}/{whole:g}"
