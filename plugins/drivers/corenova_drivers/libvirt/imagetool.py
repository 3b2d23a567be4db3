"""The one choke point of disk images: nothing else in corenova runs qemu-img.

The advisories on image formats are a long series because one caller was always forgotten (CVE-2024-32498,
CVE-2026-24708). So everything goes through here: the bytes are inspected before each run of qemu-img, qemu-img never
guesses a format, and it runs under limits of memory, time and file size.
"""

import json
import logging
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oslo_concurrency import processutils

from corenova.exceptions import BuildAbort, ConfigurationError, DriverError, InsufficientResources
from corenova_drivers.libvirt import inspection
from corenova_drivers.libvirt.inspection import CachedBase, ImageFacts

LOG = logging.getLogger(__name__)


class ImageTool:
    """qemu-img, and the inspection before it. Safe to use from several threads.

    Errors of all methods: BuildAbort when the bytes are not what they should be, InsufficientResources when the disk is
    full, DriverError when qemu-img fails otherwise.

    :param most_virtual_bytes: no image or disk may claim to be larger.
    :param address_space: bytes of memory that qemu-img may map.
    :param cpu_s, copy_cpu_s: CPU seconds that it may use, and that a copy of a disk may use; by the clock ten times
        as many.
    :param reader: the user that qemu-img becomes where it parses an image that was uploaded and writes nothing; such a
        user must be able to reach the image cache. None: the user of this process.
    """

    def __init__(
        self,
        *,
        most_virtual_bytes: int = 16 << 40,
        address_space: int = 1 << 30,
        cpu_s: int = 30,
        copy_cpu_s: int = 3600,
        reader: str | None = None,
    ) -> None:
        self._most = most_virtual_bytes
        self._address_space = address_space
        self._cpu_s = cpu_s
        self._copy_cpu_s = copy_cpu_s
        self._as_reader = _as_user(reader) if reader else ()

    def require(self) -> None:
        """Raise ConfigurationError unless the programs are installed; for the start of a driver."""
        for program in ("qemu-img", *self._as_reader[:1]):
            if shutil.which(program) is None:
                raise ConfigurationError(f"The program {program} is not installed (Debian: qemu-utils, util-linux).")

    def inspect(self, path: Path, declared_format: str, *, name: str | None = None) -> ImageFacts:
        """Look at the bytes of an image that stands alone, without qemu-img; microseconds, whatever its size.

        :param name: what to call it in errors, which users read; None: the name of the file.
        """
        return self._inspect(path, declared_format, name or path.name, backing=None)

    def inspect_own(self, path: Path, backing: CachedBase | None) -> ImageFacts:
        """Look at a qcow2 disk that was made here: it stands on exactly this base, or alone.

        It was made here, but QEMU has written to it for a guest since.
        """
        return self._inspect(path, "qcow2", path.name, backing=backing)

    def examine(self, path: Path, declared_format: str, *, name: str | None = None) -> ImageFacts:
        """Look at an image that has just come, thoroughly: every cluster of a qcow2 file must be there.

        Takes time by the size of its tables, so it is done once per image.
        """
        name = name or path.name
        facts = self.inspect(path, declared_format, name=name)
        if facts.format == "raw":
            return facts
        words = (*self._as_reader, "qemu-img", "info", "--output=json", "-f", "qcow2", "--", _absolute(path))
        said = json.loads(self._run(words, refusal=f"{name} cannot be used: it is damaged."))
        if said.get("encrypted"):
            raise BuildAbort(f"{name} cannot be used: it is encrypted.")
        # It writes a line for each error, as many as the image likes: nobody wants to hold them in memory.
        words = (*self._as_reader, "qemu-img", "check", "--output=json", "-f", "qcow2", "--", _absolute(path))
        leaks_are_harmless = (0, 3)
        self._run(
            words, refusal=f"{name} cannot be used: it is damaged.", accept=leaks_are_harmless, preexec_fn=_be_silent
        )
        return facts

    def info(self, path: Path, disk_format: str, *, backing: CachedBase | None = None) -> dict[str, Any]:
        """Return what qemu-img says of a disk (``virtual-size``, ``actual-size``, ...), also while a guest uses it."""
        self._inspect(path, disk_format, path.name, backing=backing)
        return json.loads(
            self._run(("qemu-img", "info", "--output=json", "-U", "-f", disk_format, "--", _absolute(path)))
        )

    def create_empty(self, path: Path, disk_format: str, size_bytes: int) -> None:
        """Make an empty disk; it takes up space as it is written to."""
        inspection.check_format(disk_format, path.name)
        inspection.check_size(size_bytes, path.name, self._most)
        self._run(("qemu-img", "create", "-q", "-f", disk_format, "--", _absolute(path), str(size_bytes)))

    def create_overlay(self, path: Path, base: Path, base_format: str, size_bytes: int) -> None:
        """Make a qcow2 disk that shows ``base`` until it is written to; ``size_bytes`` is what the guest sees."""
        self.inspect(base, base_format)
        inspection.check_size(size_bytes, path.name, self._most)
        # -u: qemu-img does not open the base, so it parses nothing that came from outside.
        backing = ("-u", "-b", _absolute(base), "-F", base_format)
        self._run(("qemu-img", "create", "-q", "-f", "qcow2", *backing, "--", _absolute(path), str(size_bytes)))

    def resize(self, path: Path, disk_format: str, size_bytes: int, *, backing: CachedBase | None = None) -> None:
        """Let a disk grow to ``size_bytes``; one that has this size is left alone, and none ever shrinks."""
        facts = self._inspect(path, disk_format, path.name, backing=backing)
        inspection.check_size(size_bytes, path.name, self._most)
        if size_bytes < facts.virtual_size:
            raise DriverError(f"{path.name} has {facts.virtual_size} bytes and cannot shrink to {size_bytes}.")
        if size_bytes > facts.virtual_size:
            self._run(("qemu-img", "resize", "-q", "-f", disk_format, "--", _absolute(path), str(size_bytes)))

    def convert(
        self,
        source: Path,
        source_format: str,
        target: Path,
        target_format: str,
        *,
        backing: CachedBase | None = None,
        compress: bool = False,
    ) -> ImageFacts:
        """Copy what a guest sees of ``source``, which no guest may use meanwhile, to a file that stands alone.

        ``target`` is written over; when the copy fails it is gone.

        :param backing: the base that ``source`` stands on; None: it stands alone.
        :param compress: only with qcow2 as target.
        """
        facts = self._inspect(source, source_format, source.name, backing=backing)
        if backing is not None:
            self.inspect(backing.path, backing.format)
        inspection.check_format(target_format, target.name)
        options = ("-c",) if compress and target_format == "qcow2" else ()
        words = ("qemu-img", "convert", "-q", "-f", source_format, "-O", target_format, *options)
        most = facts.virtual_size + facts.virtual_size // 8 + (64 << 20)  # the tables of qcow2 take far less
        try:
            self._run((*words, "--", _absolute(source), _absolute(target)), cpu_s=self._copy_cpu_s, file_size=most)
            return self.inspect(target, target_format)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _inspect(self, path: Path, declared: str, name: str, *, backing: CachedBase | None) -> ImageFacts:
        return inspection.inspect(path, declared, name=name, most_virtual_bytes=self._most, backing=backing)

    def _run(
        self,
        words: tuple[str, ...],
        *,
        refusal: str | None = None,
        accept: tuple[int, ...] = (0,),
        cpu_s: int | None = None,
        file_size: int | None = None,
        preexec_fn: Callable[[], None] | None = None,
    ) -> str:
        """Run a command under limits. ``refusal``: what its failure says of the image; None: it is our failure."""
        cpu_s = cpu_s or self._cpu_s
        limits = processutils.ProcessLimits(
            address_space=self._address_space, cpu_time=cpu_s, core_file_size=0, file_size=file_size
        )
        try:
            output, _ = processutils.execute(
                *words,
                prlimit=limits,
                timeout=10 * cpu_s,
                check_exit_code=list(accept),
                env_variables={**os.environ, "LC_ALL": "C"},
                preexec_fn=preexec_fn,
                on_completion=_end,
            )
        except (processutils.ProcessExecutionError, subprocess.TimeoutExpired, OSError) as error:
            LOG.warning("%s failed: %s", " ".join(words), error)
            raise _sentence(error, words, refusal) from error
        return output


def _sentence(error: Exception, words: tuple[str, ...], refusal: str | None) -> DriverError:
    if "No space left on device" in str(error) or "Disk quota exceeded" in str(error):
        return InsufficientResources("The disk of this host is full.")
    if "Permission denied" in str(error):
        return DriverError("qemu-img is not allowed to read an image or disk; the log of the compute says which.")
    if refusal and not isinstance(error, OSError):  # which is a program that cannot be started
        return BuildAbort(refusal)
    # No more than this: users read it, and paths of the host are none of their business.
    return DriverError(f"{' '.join(words[:2])} failed; the log of the compute says why.")


def _as_user(name: str) -> tuple[str, ...]:
    """Return the words before a command that runs as this user, and can never be another again."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise ConfigurationError(f"There is no user {name} on this machine to run qemu-img as.") from None
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs", "--")


def _absolute(path: Path) -> str:
    """Return the path as qemu-img gets it: one that begins with a slash is never taken for a protocol."""
    return str(path.absolute())


def _be_silent() -> None:
    """In the child, before it runs: errors go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _end(process: subprocess.Popen) -> None:
    """Kill what has not ended by itself: its time is over."""
    if process.poll() is None:
        process.kill()
        process.wait()
