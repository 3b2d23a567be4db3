"""What the demonstration does with the driver libvirt: real guests on this machine, from an image to nothing left.

Everything a user does goes through the unmodified ``openstack`` command; what is on the machine is looked at with
libvirt's own ``virsh``.
"""

import contextlib
import ipaddress
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

from cloud import Cloud, CloudError
from openstack_cli import OpenStackCli
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
READY = "COREGUEST READY"
_BOOT_S = 240.0
"""An emulated guest takes ten seconds to boot on an idle machine, and far longer on a busy one."""
_INI = """\
[DEFAULT]
state_path = {folder}/state
[api]
bind_port = 0
[compute]
driver = libvirt
reconcile_interval_s = 5
[libvirt]
connection_uri = {uri}
instances_path = {folder}/instances
"""
CIDR = "192.168.231.0/24"


def run(uri: str | None = None) -> int:
    """Show real guests on a cloud of our own; returns the exit code.

    :param uri: a libvirt that runs; None: the machine's own, which is installed and started where it is missing.
    """
    console = Console(highlight=False, force_terminal=None if sys.stdout.isatty() else False)
    if os.geteuid() != 0:
        print("demo: the driver libvirt needs root: libvirt's system connection makes networks.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="corenova-demo-") as folder:
        machine = Machine(uri or "qemu:///system")
        cloud = Cloud(Path(folder), ini=_INI.replace("{uri}", machine.uri))
        try:
            with contextlib.nullcontext() if uri else _libvirt(console):
                return _tour(console, cloud, Path(folder), machine)
        except CloudError as error:
            print(f"{cloud.log_end()}\ndemo: {error}", file=sys.stderr)
            return 1
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            cloud.stop()


@contextlib.contextmanager
def _libvirt(console: Console) -> Iterator[None]:
    """Install and start libvirt when it is not there; what was started here is stopped again."""
    for tool in ("install-libvirt", "start-libvirt"):
        with console.status(f"tools/{tool}"):
            _tool(tool)
    try:
        yield
    finally:
        _tool("start-libvirt", "--stop")


def _tool(name: str, *words: str) -> None:
    done = subprocess.run([ROOT / "tools" / name, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise CloudError(f"tools/{name} failed: {(done.stderr or done.stdout).strip()[-400:]}")


def _tour(console: Console, cloud: Cloud, folder: Path, machine: "Machine") -> int:
    before = machine.look()
    guest = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "corenova" / "guest"
    with console.status("tools/build-guest: a small Linux from Debian's kernel and busybox (kept for the next time)"):
        _tool("build-guest", str(guest))
    cloud.start()
    console.print(f"[bold]corenova[/]: one process and libvirt on this machine; ready after {cloud.ready_s:.1f} s.\n")
    openstack = OpenStackCli(folder / "state" / "clouds.yaml", lambda line: console.print(f"[dim]$[/] {line}"))
    user = User(console, openstack, folder)
    user.prepare(guest / "guest.qcow2")
    first, second = user.boot("first", "second")
    user.reach(first)
    user.suspend_and_resume(second)
    user.snapshot_and_boot("first")
    user.delete_everything()
    return _verdict(console, cloud, folder, machine.left(before))


class User:
    """The person at the keyboard."""

    def __init__(self, console: Console, openstack: OpenStackCli, folder: Path):
        self._console = console
        self._openstack = openstack
        self._folder = folder
        self._key = folder / "key"

    def prepare(self, image: Path) -> None:
        """An image, a network, a key, and leave for ping, ssh and http."""
        os_ = self._openstack
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key], check=True)
        os_("image", "create", "--file", str(image), "--disk-format", "qcow2", "--container-format", "bare", "tiny")
        os_("network", "create", "home")
        os_("subnet", "create", "--network", "home", "--subnet-range", CIDR, "home-v4")
        os_("keypair", "create", "--public-key", f"{self._key}.pub", "mine")
        for protocol, port in (("icmp", None), ("tcp", "22"), ("tcp", "80")):
            ports = ("--dst-port", port) if port else ()
            os_("security", "group", "rule", "create", "--protocol", protocol, *ports, "default")

    def boot(self, *names: str, image: str = "tiny") -> list[str]:
        """Boot servers at the same time, show of each the line that it prints when it is ready; returns addresses."""
        words = ("server", "create", "--image", image, "--flavor", "m1.tiny", "--network", "home", "--key-name", "mine")
        for name in names:
            self._openstack(*words, name)
        for name in names:
            self._wait_status(name, "ACTIVE")
        self._console.print("  waiting for what they print when they are ready ...")
        return [self._wait_ready(name) for name in names]

    def _wait_ready(self, name: str) -> str:
        deadline = time.monotonic() + _BOOT_S
        while True:
            log = self._openstack("console", "log", "show", name)
            lines = [line for line in log.splitlines() if READY in line]
            if lines:
                self._console.print(f"  [green]{lines[-1].strip()}[/]")
                break
            if time.monotonic() > deadline:
                raise CloudError(f"{name} did not print {READY!r}. The end of its console:\n{log[-800:]}")
            time.sleep(2)
        shown = self._openstack("server", "show", name, "-c", "addresses", "-f", "value")
        (address,) = [
            word for word in shown.replace("'", " ").replace(",", " ").split() if _is_address(word.strip("[]"))
        ]
        return address.strip("[]")

    def reach(self, address: str) -> None:
        """Talk to a guest over the network: http, and a command by ssh with the key."""
        url = f"http://{address}/"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
            self._console.print(f"[dim]$[/] curl {url}\n  [green]{answer.read().decode().strip()}[/]")
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=30")
        command = [
            "ssh",
            *(word for option in options for word in ("-o", option)),
            "-i",
            str(self._key),
            f"root@{address}",
        ]
        done = subprocess.run([*command, "uname -n -r"], capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise CloudError(f"ssh root@{address} failed: {done.stderr.strip()}")
        self._console.print(f"[dim]$[/] ssh root@{address} uname -n -r\n  [green]{done.stdout.strip()}[/]")

    def suspend_and_resume(self, address: str) -> None:
        """Put the second guest on disk and back; it answers as before."""
        self._openstack("server", "suspend", "second")
        self._wait_status("second", "SUSPENDED")
        self._openstack("server", "resume", "second")
        self._wait_status("second", "ACTIVE")
        self.reach(address)

    def _wait_status(self, name: str, wanted: str) -> None:
        deadline = time.monotonic() + 120
        while (status := self._openstack("server", "show", name, "-c", "status", "-f", "value").strip()) != wanted:
            if time.monotonic() > deadline or status == "ERROR":
                fault = self._openstack("server", "show", name, "-c", "fault", "-f", "json")
                raise CloudError(f"{name} is {status}, not {wanted}. {fault}")
            time.sleep(1)
        self._console.print(f"  {name} is {wanted}")

    def snapshot_and_boot(self, name: str) -> None:
        """Make an image of a running server and boot another one from it."""
        self._openstack("server", "image", "create", "--name", "copy", "--wait", name)
        self.boot("third", image="copy")

    def delete_everything(self) -> None:
        """Leave nothing."""
        self._openstack("server", "delete", "--wait", "first", "second", "third")
        self._openstack("image", "delete", "copy", "tiny")
        self._openstack("subnet", "delete", "home-v4")
        self._openstack("network", "delete", "home")
        self._openstack("keypair", "delete", "mine")


def _is_address(word: str) -> bool:
    try:
        return bool(ipaddress.ip_address(word))
    except ValueError:
        return False


class Machine:
    """What libvirt has, seen by its own ``virsh``."""

    def __init__(self, uri: str):
        self.uri = uri

    def look(self) -> dict[str, set[str]]:
        """Return domains, networks and corenova's filters, by name."""
        return {
            "domain": self._names("list", "--all", "--name"),
            "network": self._names("net-list", "--all", "--name"),
            "filter": {line.split()[-1] for line in self._names("nwfilter-list") if "corenova" in line},
        }

    def left(self, before: dict[str, set[str]]) -> list[str]:
        """Return what is there and was not before."""
        return [f"{kind} {name}" for kind, now in self.look().items() for name in sorted(now - before[kind])]

    def _names(self, *words: str) -> set[str]:
        done = subprocess.run(["virsh", "-q", "-c", self.uri, *words], capture_output=True, text=True)
        if done.returncode:
            raise CloudError(f"virsh {words[0]} failed: {done.stderr.strip()}")
        return {line.strip() for line in done.stdout.splitlines() if line.strip()}


def _verdict(console: Console, cloud: Cloud, folder: Path, left: list[str]) -> int:
    """Say what is left: on the machine, in the folder of the guests, in the database."""
    instances = folder / "instances"
    left += [f"files of {path.name}" for path in instances.iterdir() if len(path.name) == len(str(uuid.UUID(int=0)))]
    audit = cloud.manage("audit")
    console.print(f"\n[dim]$[/] corenova-manage audit\n  {(audit.stdout or audit.stderr).strip().splitlines()[-1]}")
    if left:
        console.print(f"[red]Left behind: {'; '.join(left)}[/]")
    else:
        console.print("Nothing is left: no domain, no network, no filter, no file, no port, no claim.")
    print(f"demo: 3 servers booted and gone, {len(left)} things left", flush=True)
    return 0 if not left and audit.returncode == 0 else 1
