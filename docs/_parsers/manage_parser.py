"""The parser of corenova-manage without oslo.config around it, for the page of commands."""

import argparse

from corenova.cmd.manage.main import PROG, add_parsers


def parser() -> argparse.ArgumentParser:
    """Return a parser with all commands."""
    made = argparse.ArgumentParser(prog=PROG)
    made.add_argument("--config-file", metavar="FILE", help="an ini file; may be given several times")
    made.add_argument("--config-dir", metavar="DIR", help="a folder of ini files, those that end in .conf")
    add_parsers(made.add_subparsers(dest="noun", metavar="COMMAND"))
    return made
