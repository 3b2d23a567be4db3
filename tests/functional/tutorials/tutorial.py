"""Documents whose commands are run: the fenced blocks of a tutorial, in order, in one shell, with what they show.

- ```` ```console ````: after ``$ `` a command, below it what it shows. Each line must occur in the output, in this
  order; ``...`` stands for anything. ``corenova-all`` runs in the background until it says that it is ready.
- ```` ```python title="file" ```` (or any language): the text of a file, which is written.
- ```` ```python from="file" ````: an extract, which must be in the file.
- ```` ```text shows="corenova-all" ````: lines that it writes, sooner or later.
- A comment before a block: ``<!-- tutorial: prepared -->`` leaves it out, what it does has been done;
  ``<!-- tutorial: exit 1 -->`` says how its commands end.

Other blocks are for the reader alone.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"```(\w+)(?: (title|from|shows)=\"([^\"]+)\")?")
_COMMENT = re.compile(r"<!-- tutorial: (.+) -->")
_END = "--- ended with"
_READY = "corenova is ready"


@dataclass
class Block:
    """A fenced block: its language, the file that it is or is of, what the comment before it says, where it is."""

    language: str
    use: str
    file: str
    note: str
    number: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(f"{line}\n" for line in self.lines)

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each command with the lines that it should show."""
        shown: list[str] = []
        command = ""
        for line in self.lines:
            if line.startswith("$ "):
                if command:
                    yield command, shown
                command, shown = line[2:], []
            else:
                shown.append(line)
        yield command, shown


@dataclass(frozen=True)
class Typed:
    """A command that was run: the seconds until it came back, and the CPU seconds of what has ended meanwhile."""

    command: str
    seconds: float
    cpu_s: float


def blocks(document: Path) -> list[Block]:
    """Return the fenced blocks of a document."""
    found: list[Block] = []
    note, inside = "", False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if inside:
            inside = line != "```"
            if inside:
                found[-1].lines.append(line)
        elif fence := _FENCE.match(line):
            found.append(Block(fence[1], fence[2] or "", fence[3] or "", note, number))
            note, inside = "", True
        elif line:
            comment = _COMMENT.fullmatch(line)
            note = comment[1] if comment else ""
    return found


def run(
    document: Path,
    folder: Path,
    environment: Mapping[str, str],
    *,
    prepared: bool = True,
    last: str = "",
    patience_s: float = 120.0,
) -> list[Typed]:
    """Do what a tutorial says in ``folder``; return its commands.

    :param prepared: leave out what is marked so.
    :param last: stop after this command; without it, at the end.
    :param patience_s: how long a command may take.
    :raises AssertionError: a command ends or shows otherwise than the tutorial says.
    """
    typed = []
    with Shell(folder, environment, patience_s=patience_s) as shell:
        for block in blocks(document):
            where = f"{document.name}:{block.number}"
            if block.note == "prepared" and prepared:
                continue
            if block.use == "title":
                (shell.folder() / block.file).write_text(block.text)
            elif block.use == "from":
                assert block.text in (shell.folder() / block.file).read_text(), f"{where}: not in {block.file}"
            elif block.use == "shows":
                shell.wait_shown(where, block.lines)
            elif block.language == "console":
                code = int(block.note.removeprefix("exit ")) if block.note.startswith("exit ") else 0
                for command, shown in block.commands():
                    began, cpu_s = time.monotonic(), shell.cpu_s()
                    shell.check(f"{where}: {command}", command, shown, code)
                    typed.append(Typed(command, time.monotonic() - began, shell.cpu_s() - cpu_s))
                    if command == last:
                        return typed
    return typed


class Shell:
    """A bash that keeps its directory and variables from one command to the next.

    :param patience_s: no command takes longer.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, patience_s: float):
        self._patience_s = patience_s
        self._log = folder / "corenova-all.log"
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(AssertionError, BrokenPipeError):  # the shell has ended
            self._stop_server()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def cpu_s(self) -> float:
        """Return the CPU seconds of all commands that have ended."""
        _, children = self.run("times")[1].strip().splitlines()  # user and system time, each as 0m1.234s
        parts = [part.rstrip("s").split("m") for part in children.split()]
        return sum(60 * float(minutes) + float(seconds) for minutes, seconds in parts)

    def folder(self) -> Path:
        """Return where it is."""
        return Path(self.run("pwd")[1].strip())

    def check(self, where: str, command: str, shown: list[str], code: int) -> None:
        """Run a command; raises AssertionError when it does not end with ``code`` or does not show these lines."""
        if command.startswith("corenova-all"):
            self._stop_server()
        if command.startswith("corenova-all") and code == 0:
            ended, output = self._serve(command)
        else:
            ended, output = self.run(command)
            deadline = time.monotonic() + self._patience_s / 4
            # What it asks after may still be under way: a reader's second look comes by itself.
            while command.startswith("corenova-manage") and missing(shown, output) and time.monotonic() < deadline:
                ended, output = self.run(command)
        assert ended == code, f"{where}\nended with {ended}, not {code}:\n{output[-4000:]}"
        gone = missing(shown, output)
        assert not gone, f"{where}\ndoes not show: {gone}\nbut:\n{output[-4000:]}"

    def wait_shown(self, where: str, shown: list[str]) -> None:
        """Wait until the running corenova-all has written these lines; raises AssertionError when it does not."""
        deadline = time.monotonic() + self._patience_s / 4
        while (gone := missing(shown, self._log.read_text())) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not gone, f"{where}\ncorenova-all does not show: {gone}\nbut:\n{self._log.read_text()[-4000:]}"

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit code and all that it wrote."""
        timer = threading.Timer(self._patience_s, os.killpg, (self._process.pid, signal.SIGKILL))
        timer.start()
        try:
            self._process.stdin.write(f"{{ {command}\n}} </dev/null; printf '\\n{_END} %d\\n' $?\n")
            self._process.stdin.flush()
            lines = []
            for line in self._process.stdout:
                if line.startswith(_END):
                    return int(line.split()[-1]), "".join(lines)
                lines.append(line)
        finally:
            timer.cancel()
        raise AssertionError(f"{command}: the shell has ended, or did not come back within {self._patience_s:g} s")

    def _serve(self, command: str) -> tuple[int, str]:
        self._log.write_text("")  # of an earlier one, which was ready too
        self.run(f"{command} >{self._log} 2>&1 & SERVER=$!")
        deadline = time.monotonic() + self._patience_s
        while _READY not in (log := self._log.read_text()):
            if self.run("kill -0 $SERVER")[0] or time.monotonic() > deadline:
                return 1, log
            time.sleep(0.05)
        return 0, log

    def _stop_server(self) -> None:
        self.run('if [ -n "$SERVER" ]; then kill $SERVER; wait $SERVER; SERVER=; fi')


def missing(shown: list[str], output: str) -> str:
    """Return the first of the lines ``shown`` that does not come in ``output`` after those before it, or nothing."""
    lines = iter(output.splitlines())
    for line in shown:
        wanted = _pattern(line)
        if line.strip(". ") and not any(wanted.search(each) for each in lines):
            return line
    return ""


def _pattern(line: str) -> re.Pattern:
    parts = [r"\s+".join(map(re.escape, part.split())) for part in line.split("...")]
    return re.compile(r"\s*.*?\s*".join(parts))
