"""corenova-manage: what operators ask of a deployment from the shell, with the services running or not.

COMMANDS is the whole of it: one line a command, whose file is imported only when it is asked for. Reading commands
never make the state directory or the database and never change its schema.
"""

import argparse
import contextlib
import importlib
import io
import itertools
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import msgspec
from oslo_config import cfg

from corenova.cmd.manage.output import Output
from corenova.exceptions import ConfigurationError, CorenovaError, NotFound

PROG = "corenova-manage"
CANNOT_RUN = 2


class Command(msgspec.Struct, frozen=True):
    """A command: ``noun [verb]``, where it is (module:function of this package), its help and its arguments.

    The function takes the configuration and an Output and returns the exit code. ``judges_values``: it runs although
    a value in the ini files cannot be read.
    """

    noun: str
    verb: str | None
    run: str
    help: str
    arguments: tuple[tuple[str, dict[str, object]], ...] = ()
    judges_values: bool = False


COMMANDS = (
    Command(
        "audit", None, "audit:run", "Hold the database and what runs against the invariants; writes nothing. "
        "Exit code 0: clean; 1: findings, one a line; 2: it cannot run.",
    ),
    Command(
        "explain", None, "explain:run", "Say why a server is where it is, or nowhere, and how it got there.",
        (("server", {"metavar": "SERVER", "help": "uuid or name"}),),
    ),
    Command(
        "replay", None, "replay:run", "Decide again on what a decision was made on, with the plug-ins and options of "
        "the ini files given, and show what differs. Exit code 1 when another host is chosen.",
        (("server", {"metavar": "SERVER", "help": "uuid or name"}),),
    ),
    Command(
        "what-if", None, "what_if:run", "Say where servers would go now, or why nowhere and what would help; writes "
        "nothing. Quota is not looked at. Exit code 0: all fit; 1: not all; 2: it cannot be asked so.",
        (
            ("--flavor", {"required": True, "metavar": "F", "help": "id or name"}),
            # Not "image": oslo.config takes an argument of a section's name for the section.
            ("--image", {"dest": "image_name", "metavar": "I", "help": "id or name; without one no image has a say"}),
            ("--zone", {"metavar": "Z", "help": "availability zone; also zone:host"}),
            ("--hint", {"action": "append", "default": [], "metavar": "K=V", "help": "scheduler hint, such as "
                        "group=UUID; one that is given again becomes a list"}),
            ("--count", {"type": int, "default": 1, "metavar": "N", "help": "number of servers, 1 if not given"}),
            ("--project", {"metavar": "P", "help": "id or name; the project admin if not given"}),
        ),
    ),
    Command(
        "config", "check", "config:check", "Show every option with its value and where that comes from, and what is "
        "wrong with the ini files. Exit code 1 when something is.", judges_values=True,
    ),
    Command(
        "config", "sample", "config:sample", "Print every option with its default, as an ini file: of corenova and of "
        "all plug-ins that are installed. Exit code 1 when one of these does not tell.",
    ),
    Command("db", "version", "db:version", "Show the schema of the database and the one this version needs."),
    Command("db", "upgrade", "db:upgrade", "Bring the database to the schema of this version; an empty one too."),
    Command("service", "list", "service:list_services", "List the services and whether they are up."),
    Command("host", "list", "host:list_hosts", "List the hosts with what is used of them."),
    Command(
        "plugins", None, "plugins:list_plugins", "List the plug-ins: who brings them, which are enabled and load, and, "
        "where services run, calls, mean time, faults and breakers. What is enabled is loaded for it; the rest is not "
        "imported. Exit code 1 when something that is enabled is not loaded.",
    ),
    Command(
        "plugin", "new", "plugin_new:new", "Write a distribution with a new plug-in: code, tests, README. It "
        "installs and works at once; no ini file is needed.",
        (
            ("kind", {"choices": ("filter", "weigher", "driver", "hook"), "help": "what it is to be"}),
            # Not "name": that is the command's own in oslo.config.
            ("plugin_name", {"metavar": "NAME", "help": "of the distribution and its module, such as rack_aware"}),
            ("--dir", {"metavar": "D", "default": "", "help": "where to write D/NAME; here if not given"}),
        ),
        judges_values=True,
    ),
    Command(
        "plugin", "check", "plugin_check:check", "Hold the plug-ins of an installed distribution to their contracts. "
        "Exit code 1 when one breaks it.",
        (("distribution", {"metavar": "DISTRIBUTION", "help": "its name, as pip knows it"}),),
    ),
    Command(
        "simulate", None, "simulate:run", "Play a trace of requests on a fleet that exists nowhere, with the plug-ins "
        "and options of the ini files, and say how well it was packed.",
        (
            ("--hosts", {"metavar": "N", "type": int, "help": "how many hosts; not needed with --find-hosts"}),
            ("--host-size", {"metavar": "VCPUS:RAM_MB:DISK_GB", "required": True, "help": "what each host has"}),
            ("--trace", {"metavar": "FILE", "required": True, "help": "CSV of requests, perhaps gzipped (.gz)"}),
            ("--find-hosts", {"action": "store_true", "help": "find the fewest hosts that reject nothing"}),
            ("--seed", {"metavar": "N", "type": int, "default": 11, "help": "of exact times and random choices"}),
            ("--plot", {"metavar": "FILE", "help": "draw the course into FILE (.png or .svg)"}),
            ("--json", {"metavar": "FILE", "help": "write the figures as JSON into FILE; - is stdout"}),
        ),
    ),
    Command("openapi", None, "openapi:show", "Print the OpenAPI description of the compute API."),
)  # fmt: skip
_NOUNS = {
    "config": "The ini files.",
    "db": "The schema of the database.",
    "service": "The services.",
    "host": "The hosts.",
    "plugin": "Plug-ins, for their authors.",
}
"""Help of the nouns that have verbs."""


def add_parsers(parsers: argparse._SubParsersAction) -> None:
    """Add a parser for every command (the handler of oslo.config's SubCommandOpt)."""
    verbs: dict[str, argparse._SubParsersAction] = {}
    for command in COMMANDS:
        if command.verb is not None and command.noun not in verbs:
            noun = parsers.add_parser(command.noun, help=_NOUNS[command.noun], description=_NOUNS[command.noun])
            verbs[command.noun] = noun.add_subparsers(dest="verb", metavar="VERB", required=True)
        words = {"help": command.help, "description": command.help}
        parser = (
            parsers.add_parser(command.noun, **words)
            if command.verb is None
            else verbs[command.noun].add_parser(command.verb, **words)
        )
        for name, details in command.arguments:
            parser.add_argument(name, **details)
        if all(name != "--json" for name, _ in command.arguments):
            parser.add_argument("--json", action="store_true", help="write JSON")
        parser.set_defaults(command=command)


def run(args: Sequence[str]) -> int:
    """Run one command and return its exit code; errors are one line on stderr."""
    conf = cfg.ConfigOpts()
    conf.register_cli_opt(cfg.SubCommandOpt("noun", title="commands", handler=add_parsers))
    try:
        command = _parsed(conf, _ini_files_first(args))
        module, _, function = command.run.partition(":")
        work: Callable[[cfg.ConfigOpts, Output], int] = getattr(
            importlib.import_module(f"corenova.cmd.manage.{module}"), function
        )
        with _one_line_errors():
            code = work(conf, Output(as_json=conf.noun.json is True))
            sys.stdout.flush()
        return code
    except NotFound as error:
        return _say(error, 1)
    except CorenovaError as error:
        return _say(error, CANNOT_RUN)


def _ini_files_first(args: Sequence[str]) -> list[str]:
    """Let ``--config-file`` and ``--config-dir`` stand behind the command too, where oslo.config does not look."""
    first, rest, words = [], [], iter(args)
    for word in words:
        name, _, value = word.partition("=")
        if name in ("--config-file", "--config-dir"):
            first += [word] if value else [word, *itertools.islice(words, 1)]
        else:
            rest.append(word)
    return first + rest


def _parsed(conf: cfg.ConfigOpts, args: list[str]) -> Command:
    """Parse the command line and the ini files, and return the command."""
    from corenova.cmd.process import configure

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            configure(conf, args, prog=PROG)
    except ConfigurationError:
        command = _command(conf)
        if command is None or not command.judges_values:
            raise
    except SystemExit as end:
        if end.code:  # argparse: its last line says what is wrong, the usage before it is in --help
            last = complaint.getvalue().strip().splitlines()[-1:]
            raise ConfigurationError("".join(last).partition("error: ")[2] or "bad arguments; try --help") from None
        raise
    return _command(conf)


def _command(conf: cfg.ConfigOpts) -> Command | None:
    try:
        return conf.noun.command
    except (cfg.Error, AttributeError):  # a file could not be parsed: nothing is known of the command line
        return None


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn what a database or a file can do to us into errors of one line."""
    import sqlalchemy as sa
    from oslo_db import exception as db_error

    try:
        yield
    except (sa.exc.DBAPIError, db_error.DBError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ConfigurationError(f"The database cannot be read: {cause}.") from error
    except BrokenPipeError:
        # Whoever read our output has gone (``| head``): no error, and nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(CANNOT_RUN)
    except (OSError, cfg.Error, msgspec.MsgspecError) as error:
        raise ConfigurationError(str(error)) from error


def _say(error: Exception, code: int) -> int:
    print(f"{PROG}: {' '.join(str(error).split())}", file=sys.stderr)
    return code


def main() -> None:
    """Entry point of the command."""
    logging.getLogger().addHandler(logging.NullHandler())  # what libraries have to say is no answer
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
