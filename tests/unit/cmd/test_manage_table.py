"""The table of commands, and how answers look."""

import importlib
import inspect

import pytest

from corenova.cmd.manage.main import COMMANDS
from corenova.cmd.manage.output import Output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.run)
def test_every_command_is_there_with_help(command):
    module, _, name = command.run.partition(":")
    function = getattr(importlib.import_module(f"corenova.cmd.manage.{module}"), name)
    assert list(inspect.signature(function).parameters) == ["conf", "output"]
    assert function.__doc__ and command.help.endswith(".")


@pytest.mark.parametrize(
    ("part", "whole", "bar"),
    [(0, 4, ".......... 0/4"), (1, 1000, "#......... 1/1000"), (4, 4, "########## 4/4"), (9, 4, "########## 9/4"),
     (0, 0, ".......... 0/0"), (2, 4, "#####..... 2/4")],
)  # fmt: skip
def test_bars(part, whole, bar):
    assert Output(as_json=False).bar(part, whole) == bar


def test_tables_are_aligned(capsys):
    Output(as_json=False).table(("host", "used"), [("a", 1), ("longer", None)])
    assert capsys.readouterr().out == "HOST    USED\na       1\nlonger  -\n"


def test_json_alone_when_json_is_asked_for(capsys):
    output = Output(as_json=True)
    output.line("text")
    output.table(("a",), [("b",)])
    output.json({"a": [1]})
    assert capsys.readouterr().out.replace(" ", "").replace("\n", "") == '{"a":[1]}'
