"""The tables of docs/nova-plugins.md are the code's."""

import re
from pathlib import Path

from corenova.nova_adapter import imports, views

PAGE = Path(__file__).parents[3] / "docs" / "nova-plugins.md"


def _rows():
    """First cell and names of every table row."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: re.findall(r"`(\w+)`", rest) for name, rest in rows}


def test_the_tables_are_complete():
    modules = {name: sorted(offered[1]) for name, offered in imports.PROVIDED.items() if offered}
    read = {each._kind: list(each.offered) for each in views.View.__subclasses__()}
    assert _rows() == modules | read
