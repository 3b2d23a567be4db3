"""Real libvirt hosts for tests, each started by the first test that asks for it.

A host is private: libvirtd and virtlogd live in namespaces of their own (mounts, processes, host name), where the
directories of libvirt below /etc, /run and /var are those of this run. The machine's own libvirt is neither seen nor
touched, and when the test process ends, however it ends, the kernel ends every daemon and guest of its hosts. What
hosts on one machine share (ports, bridges, subnets) is dealt out by a number that one host holds at a time. Paths
elsewhere, such as tmp_path, are the same inside and outside.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import bridges, control_groups, user_cache
from tests.missing import refuse

REMEDY = "run tools/install-libvirt"
PROGRAMS = ("libvirtd", "virtlogd", "virsh", "qemu-system-x86_64", "qemu-img", "dnsmasq", "iptables", "ip", "nsenter")
ISOLATE = ("unshare", "--kill-child", "--mount", "--uts", "--pid", "--fork", "--mount-proc")
START_S = 90  # the first connection of all asks QEMU what it can do: 8 s on a quiet machine
SLOTS = 64

# Runs as process 1 of the host until its standard input ends, which is when the test process closes it or dies.
KEEPER = """
set -e
for place in etc/libvirt run/libvirt var/lib/libvirt var/log/libvirt var/cache/libvirt etc/hosts; do
    [ -e "/$place" ] || mkdir -p "/$place"
    mount --bind "$1/${place//\\//-}" "/$place"
done
hostname "$2"
for branch in "${@:3}"; do mount --bind "$branch" "${branch%/*}"; done
echo ready
cat >/dev/null
"""

QEMU_CONF = """
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
namespaces = []
max_core = 0
remote_display_port_min = {0}
remote_display_port_max = {1}
remote_websocket_port_min = {2}
remote_websocket_port_max = {3}
migration_port_min = {4}
migration_port_max = {5}
"""
PORTS = (20000, 20049, 20050, 20069, 20070, 20099)  # of slot 0; each slot has a hundred

LIBVIRTD_CONF = """
host_uuid = "{uuid}"
auth_unix_rw = "none"
unix_sock_group = "root"
"""


@dataclass
class LibvirtHost:
    """One libvirtd with its guests. ``address`` is where other hosts and the test reach it, for migration or VNC."""

    name: str
    directory: Path
    slot: int
    address: str = "127.0.0.1"
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    _keeper: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def uri(self) -> str:
        """What ``libvirt.open`` takes, here and in the daemon of another host."""
        return f"qemu+unix:///system?socket={self.directory}/run-libvirt/libvirt-sock"

    @property
    def pid(self) -> int:
        """The process of libvirtd, as this process sees it; 0 when it does not run."""
        return self._pid_of("libvirtd")

    def processes(self, name: str = "") -> list[int]:
        """Return the processes of this host, as this process sees them: those called ``name``, or all."""
        mine, found = self._namespace(), []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(entry / "ns" / "pid") == mine and (entry / "comm").read_text().strip().startswith(name):
                    found.append(int(entry.name))
        return found

    def guest_pid(self, domain: str) -> int:
        """Return the QEMU process of the guest with this name; 0 when there is none."""
        wanted = f"guest={domain},".encode()
        for pid in self.processes("qemu-system"):
            with contextlib.suppress(OSError):
                if wanted in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return 0

    def start(self) -> None:
        """Start the daemons that do not run, and wait until libvirtd answers."""
        for daemon in ("virtlogd", "libvirtd"):
            if not self._pid_of(daemon):
                self.run(daemon, "-d", "-p", str(self._pid_file(daemon)))
        deadline = time.monotonic() + START_S
        while subprocess.run(["virsh", "-q", "-c", self.uri, "version"], capture_output=True).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError(f"libvirtd of {self.name} does not answer:\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End libvirtd, by default as a crash does, and wait until it is gone. Its guests run on."""
        pid = self.pid
        if pid:
            os.kill(pid, number)
        while pid and self.pid == pid:
            time.sleep(0.01)

    def restart(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill libvirtd and start it again."""
        self.kill(number)
        self.start()

    def virsh(self, *words: str) -> str:
        """Return what virsh says to these words. Raises :class:`RuntimeError` with its message when it fails."""
        return _output(["virsh", "-q", "-c", self.uri, *words])

    def run(self, *command: str) -> str:
        """Run a command inside the host's namespaces, and return its output. Raises :class:`RuntimeError`."""
        keeper = f"/proc/{self._running().pid}/ns"
        entries = [f"--mount={keeper}/mnt", f"--uts={keeper}/uts", f"--net={keeper}/net"]
        return _output(["nsenter", *entries, f"--pid={keeper}/pid_for_children", "--", *command])

    def network(self, number: int = 0) -> bridges.Network:
        """Return a NAT network with DHCP on this host, whose subnet and bridge no other host has; made when needed.

        There may be seven: ``number`` is 0 to 6. The test process reaches its guests unless the host is apart.
        """
        wanted = bridges.network(self.slot, number)
        if wanted.name not in self.virsh("net-list", "--name").split():
            (self.directory / wanted.name).write_text(wanted.xml())
            self.virsh("net-create", str(self.directory / wanted.name))
        return wanted

    def clear(self) -> None:
        """Leave no guest and no network, whatever state they are in, with what libvirtd has kept of them."""
        self.start()
        for domain in self.virsh("list", "--all", "--name").split():
            with contextlib.suppress(RuntimeError):
                self.virsh("destroy", domain)
            with contextlib.suppress(RuntimeError):  # one that was not persistent is gone
                self.virsh(
                    "undefine", domain, "--managed-save", "--snapshots-metadata", "--checkpoints-metadata", "--nvram"
                )
        for network in self.virsh("net-list", "--all", "--name").split():
            for verb in ("net-destroy", "net-undefine"):
                with contextlib.suppress(RuntimeError):
                    self.virsh(verb, network)

    def learn(self, hosts: "Iterable[LibvirtHost]") -> None:
        """Teach this host the addresses of others, by their names: libvirt looks names up, its own before all."""
        lines = ["127.0.0.1 localhost", *(f"{host.address} {host.name}" for host in (self, *hosts))]
        (self.directory / "etc-hosts").write_text("\n".join(lines) + "\n")

    def log(self, daemon: str = "libvirtd") -> str:
        """Return what a daemon has logged."""
        file = self.directory / "var-log-libvirt" / f"{daemon}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _pid_of(self, daemon: str) -> int:
        # By its pid file, because a fork of it that has yet to become dnsmasq or QEMU is called the same.
        with contextlib.suppress(FileNotFoundError):
            inner = self._pid_file(daemon).read_text().strip()
            return next((pid for pid in self.processes(daemon) if _inner_pid(pid) == inner), 0)
        return 0

    def _pid_file(self, daemon: str) -> Path:
        return self.directory / f"{daemon}.pid"

    def _running(self) -> subprocess.Popen[str]:
        assert self._keeper, f"{self.name} has not been opened"
        return self._keeper

    def _namespace(self) -> str:
        return os.readlink(f"/proc/{self._running().pid}/ns/pid_for_children")

    def _open(self, *, apart: bool) -> None:
        for place in ("etc", "run", "var-lib", "var-log"):
            (self.directory / f"{place}-libvirt").mkdir()
        # What QEMU can do is asked once: libvirt itself knows when that is out of date.
        cache = user_cache.directory() / "libvirt"
        cache.mkdir(exist_ok=True)
        (self.directory / "var-cache-libvirt").symlink_to(cache)
        self.learn([])
        etc, branch = self.directory / "etc-libvirt", control_groups.branch(self.slot)
        settings = QEMU_CONF.format(*(port + 100 * self.slot for port in PORTS))
        (etc / "qemu.conf").write_text(settings if branch else f"{settings}cgroup_controllers = []\n")
        (etc / "libvirtd.conf").write_text(LIBVIRTD_CONF.format(uuid=self.uuid))
        isolate = [*ISOLATE, "--net"] if apart else ISOLATE
        command = [*isolate, "bash", "-c", KEEPER, "keeper", self.directory, self.name, *branch]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._keeper.stdout
        if self._keeper.stdout.readline() != "ready\n":
            raise RuntimeError(f"no namespaces for {self.name}: see above")

    def _close(self) -> None:
        keeper = self._keeper
        if not keeper:
            return
        with contextlib.suppress(RuntimeError):
            self.clear()
        assert keeper.stdin and keeper.stdout
        keeper.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            keeper.wait(timeout=10)
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()


def clear(host: LibvirtHost) -> None:
    """Leave nothing on a host, filters of interfaces included."""
    host.clear()
    for line in host.virsh("nwfilter-list").splitlines():
        if line.split():
            host.virsh("nwfilter-undefine", line.split()[0])


@pytest.fixture(scope="session")
def libvirt_host() -> Iterator[LibvirtHost]:
    """One host, on the machine's own network stack. A test undoes what it has made, or calls ``clear``."""
    with _hosts("a") as (host,):
        yield host


@pytest.fixture(scope="session")
def libvirt_hosts() -> Iterator[tuple[LibvirtHost, ...]]:
    """Two hosts with names of their own on the machine's own network stack: a bridge is one bridge for both."""
    with _hosts("a", "b") as hosts:
        yield hosts


@pytest.fixture(scope="session")
def libvirt_hosts_apart() -> Iterator[tuple[LibvirtHost, ...]]:
    """Two hosts with network stacks of their own, joined by a bridge that the machine is on too: see ``address``."""
    with _hosts("a", "b", apart=True) as hosts:
        yield hosts


@contextlib.contextmanager
def _hosts(*letters: str, apart: bool = False) -> Iterator[tuple[LibvirtHost, ...]]:
    _check_machine()
    with contextlib.ExitStack() as stack:
        hosts = []
        for letter in letters:
            slot = stack.enter_context(_slot())
            directory = Path(tempfile.mkdtemp(prefix=_directory_prefix(slot)))
            host = LibvirtHost(f"corenova-{letter}{slot}", directory, slot)
            stack.callback(host._close)
            host._open(apart=apart)
            hosts.append(host)
        if apart:
            stack.enter_context(_joined(hosts))
        with user_cache.locked("libvirt"):  # else each would ask QEMU at the same time
            for host in hosts:
                host.start()
        yield tuple(hosts)


@contextlib.contextmanager
def _slot() -> Iterator[int]:
    """Hold a number that no other host on this network stack has: a name in it that is gone with the process."""
    with socket.socket(socket.AF_UNIX) as held:
        for number in range(SLOTS):
            try:
                held.bind(f"\0corenova-libvirt-host-{number}")
            except OSError:
                continue
            _sweep(number)  # what a killed predecessor has left
            try:
                yield number
            finally:
                _sweep(number)
            return
        raise RuntimeError(f"{SLOTS} libvirt hosts run on this machine already")


def _directory_prefix(slot: int) -> str:
    return f"corenova-host-{slot}-"  # in the temporary directory: the path of a socket must be short


def _sweep(slot: int) -> None:
    bridges.sweep(slot)
    control_groups.sweep(slot)
    for directory in Path(tempfile.gettempdir()).glob(f"{_directory_prefix(slot)}*"):
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _joined(hosts: list[LibvirtHost]) -> Iterator[None]:
    """Give each host a nic eth0 on one bridge, on which the machine is the first address."""
    join = bridges.Join(hosts[0].slot)
    join.make()
    for number, host in enumerate(hosts, 1):
        host.address = join.add(number, host._running().pid)
        for command in join.inside(number):
            host.run(*command)
    for host in hosts:
        host.learn(other for other in hosts if other is not host)
    yield


def _check_machine() -> None:
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    for program in PROGRAMS:
        if not shutil.which(program, path=path):
            refuse(program, REMEDY)
    if importlib.util.find_spec("libvirt") is None:
        refuse("libvirt-python", f"{REMEDY}, then make dev")
    if os.geteuid() or subprocess.run([*ISOLATE, "true"], capture_output=True).returncode:
        refuse("root and the right to make namespaces", f"{REMEDY} as root, outside a container that forbids them")


def _inner_pid(pid: int) -> str:
    """Return the number of a process in its own namespace; nothing when it is gone."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(line for line in lines if line.startswith("NSpid:")).split()[-1]
    return ""


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout
