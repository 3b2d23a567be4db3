"""Plug-ins in processes of their own: they decide as they would here, and whatever they do, a decision comes of it."""

import os
import pickle
import signal
import sys

import msgspec
import pytest
from oslo_config import cfg
from stevedore import _cache
from stevedore.extension import ExtensionManager

from corenova import conf as options
from corenova import loader
from corenova.breaker import Breakers
from corenova.scheduler.isolation import wire
from corenova.scheduler.isolation.process import Process
from corenova.scheduler.isolation.proxy import isolated
from corenova.scheduler.isolation.wire import Question
from corenova.scheduler.plugins import load_named

TIMEOUT_S = 1.0
SOURCE = """
import ctypes, os, re
from oslo_config import cfg

class MoodyFilter:
    options = [cfg.IntOpt("most_mb", default=0)]

    def __init__(self):
        self.kept = []

    def configure(self, section):
        self.most_mb = section.most_mb

    def host_passes(self, host, spec):
        mood = spec.get_scheduler_hint("mood")
        if mood == "spin":
            re.match("(a+)+$", "a" * 60 + "b")  # in C, with the interpreter's lock
        elif mood == "crash":
            ctypes.string_at(0)
        elif mood == "exit":
            os._exit(3)
        elif mood == "raise":
            raise RuntimeError("poison")
        elif mood == "raise at h1" and host.host == "h1":
            raise RuntimeError("poison")
        elif mood == "shout":
            print("I write where I should not " * 1000, flush=True)
        elif mood == "drip":
            self.kept.append(bytearray(2**26))
        elif mood == "leak":
            while True:
                self.kept.append(bytearray(2**24))
        return spec.flavor.memory_mb <= min(host.free_ram_mb, self.most_mb)

    def reason(self, host, spec):
        return f"{host.free_ram_mb} MB are not enough, or {self.most_mb} are the most"

class QuietWeigher:
    minval, maxval = 0.0, 10000.0

    def weigh(self, host, spec):
        if spec.get_scheduler_hint("mood") == "raise":
            raise RuntimeError("poison")
        return host.free_ram_mb - 100.0 * host.num_instances * spec.flavor.vcpus

class GroupFilter:
    def applies(self, spec):
        return spec.get_scheduler_hint("only") is not None

    def mask(self, hosts, spec):
        import numpy
        return numpy.array([name == spec.get_scheduler_hint("only") for name in hosts.names])
"""
NAMES = {"MoodyFilter": loader.FILTERS, "GroupFilter": loader.FILTERS, "QuietWeigher": loader.WEIGHERS}


@pytest.fixture(scope="module")
def conf(tmp_path_factory):
    """The ini of a deployment with the plug-ins of this file, which are installed."""
    folder = tmp_path_factory.mktemp("moody")
    (folder / "moody.py").write_text(SOURCE)
    info = folder / "moody-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moody\nVersion: 1.0\n")
    # Of its own, for the test that breaks it: processes of the others may be about to load theirs.
    (folder / "upgraded.py").write_text(SOURCE.replace("class MoodyFilter", "class UpgradedFilter"))
    points = "".join(f"[{group}]\n{name} = moody:{name}\n" for name, group in NAMES.items())
    points += f"[{loader.FILTERS}]\nUpgradedFilter = upgraded:UpgradedFilter\n"
    (info / "entry_points.txt").write_text(points)
    ini = folder / "moody.conf"
    ini.write_text(
        f"[plugins]\nisolate = {','.join([*NAMES, 'UpgradedFilter'])}\nplugin_timeout_s = {TIMEOUT_S}\n"
        "isolate_memory_mb = 300\n"
        "[MoodyFilter]\nmost_mb = 2000\n"
    )
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf(["--config-file", str(ini)], default_config_files=[], default_config_dirs=[])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExtensionManager, "ENTRY_POINT_CACHE", {})
        patch.setattr(_cache, "get_group_all", _cache.Cache(str(folder / "cache")).get_group_all)
        patch.syspath_prepend(folder)
        yield conf
    sys.modules.pop("moody", None)
    sys.modules.pop("upgraded", None)


@pytest.fixture(scope="module")
def plugins(conf):
    """Give a function that loads plug-ins by name, isolated or not; all processes are ended at the end."""
    made = {}

    def load(*names, apart=True):
        for name in names:
            if (name, apart) not in made:
                loaded = load_named(conf, NAMES[name], name)
                made[name, apart] = isolated(conf, loaded) if apart else loaded
        return [made[name, apart] for name in names]

    yield load
    for (_, apart), one in made.items():
        if apart:
            one.object.stop()


@pytest.fixture
def moody(plugins, build):
    """A pipeline with the moody filter alone, isolated, and its account."""
    (one,) = plugins("MoodyFilter")
    line = build.pipeline([one], breakers=Breakers(100))
    one.account.faults = 0
    return line, one


def place(line, hosts, build, mood=None, **wishes):
    hints = {} if mood is None else {"mood": mood}
    (decision,) = line.place(hosts, build.spec(scheduler_hints=hints, **wishes), 1)
    return decision


def pids(plugin):
    return {process.pid for process in plugin.object._all}


def is_there(pid):
    return os.path.exists(f"/proc/{pid}")


def test_it_decides_as_it_would_in_the_process(plugins, build):
    lines = []
    for apart in (True, False):
        moody, group, quiet = plugins("MoodyFilter", "GroupFilter", "QuietWeigher", apart=apart)
        lines.append(build.pipeline([group, moody], [quiet], fixed=True))
    tables = [build.table(*[build.host(f"h{n}", ram_mb=1000 * n) for n in range(1, 7)]) for _ in lines]

    def faults():
        return [one.account.faults for line in lines for one in line.plugins]

    before = faults()

    def both(act):
        first, second = (act(line, hosts) for line, hosts in zip(lines, tables, strict=True))
        assert first == second
        return first

    for number in range(12):
        wishes = {"ram_mb": 300 + 200 * (number % 3), "vcpus": 1 + number % 2}
        assert both(lambda line, hosts, w=wishes: place(line, hosts, build, **w)).host
    both(lambda line, hosts: hosts.set_service(5, is_up=False, disabled=True))
    both(lambda line, hosts: hosts.release(2, {"MEMORY_MB": 300, "VCPU": 1}))
    for _ in range(3):
        both(lambda line, hosts: place(line, hosts, build, ram_mb=300))
    hinted = build.spec(ram_mb=300, scheduler_hints={"only": "h5"})
    assert both(lambda line, hosts: line.place(hosts, hinted, 1))[0].host == "h5"
    nothing = both(lambda line, hosts: place(line, hosts, build, ram_mb=2500))
    assert any("2000 are the most" in one.reason for one in nothing.rejections)
    for line in lines:
        assert all(one.account.calls for one in line.plugins)
    assert faults() == before


def test_what_it_reads_of_the_request_is_known(plugins, build):
    """So an equal request is not asked about again."""
    (quiet,) = plugins("QuietWeigher")
    line, hosts = build.pipeline(weighers=[quiet], fixed=True), build.table(3)
    place(line, hosts, build)
    calls = quiet.account.calls
    place(line, hosts, build, project_id="another")
    assert quiet.account.calls == calls + 1, "it is asked about the host that was claimed, and no other"


@pytest.mark.parametrize(
    ("mood", "fault", "is_replaced"),
    [
        ("raise", "RuntimeError: poison", False),
        ("spin", "TimeoutError: it has not come back", True),
        ("crash", "ChildProcessError: its process ended by signal 11 (SIGSEGV)", True),
        ("exit", "ChildProcessError: its process ended with exit code 3", True),
        ("leak", "MemoryError", True),
    ],
)
def test_a_request_at_which_it_fails_is_refused_and_the_next_one_is_not(moody, build, mood, fault, is_replaced):
    line, one = moody
    hosts = build.table(3)
    assert place(line, hosts, build).host
    before = pids(one)
    decision = place(line, hosts, build, mood)
    assert decision.summary == "No valid host was found. Of 3 hosts, MoodyFilter failed on 3."
    assert decision.rejections[0].reason.startswith(f"failed: {fault}")
    assert one.told().faults
    assert fault in one.told().last_fault
    assert place(line, hosts, build).host
    assert pids(one).isdisjoint(before) == is_replaced
    assert not is_replaced or not any(map(is_there, before)), "no zombie is left"


def test_a_host_at_which_it_fails_is_refused_and_the_others_are_not(moody, build):
    line, one = moody
    decision = place(line, build.table(3), build, "raise at h1")
    assert decision.host in ("h0", "h2")
    assert {host for host, _ in decision.alternates} | {decision.host} == {"h0", "h2"}
    assert one.told().last_fault == "RuntimeError: poison"
    decision = place(line, build.table(3), build, "raise at h1", ram_mb=2500)
    refused = {rejection.host: rejection.reason for rejection in decision.rejections}
    assert refused.pop("h1") == "failed: RuntimeError: poison"
    assert set(refused.values()) == {"8192 MB are not enough, or 2000 are the most"}


def test_one_that_leaks_is_replaced_and_its_requests_are_not_refused(moody, build):
    """F23: the request at which the memory is used up need not be the one that has used it."""
    line, one = moody
    hosts = build.table(1)
    assert place(line, hosts, build).host
    before = pids(one)
    for _ in range(6):
        assert place(line, hosts, build, "drip").host
    assert pids(one).isdisjoint(before)
    assert one.told().faults
    assert one.told().last_fault.startswith("MemoryError")


def test_what_it_prints_spoils_nothing(moody, build, capfd):
    line, one = moody
    assert place(line, build.table(3), build, "shout").host
    assert one.told().faults == 0


def test_a_weigher_that_fails_weighs_nothing(plugins, build):
    (quiet,) = plugins("QuietWeigher")
    faults = quiet.account.faults
    decision = place(build.pipeline(weighers=[quiet]), build.table(3), build, "raise")
    assert decision.host
    assert "QuietWeigher" not in decision.weights
    assert quiet.account.faults > faults


def test_the_breaker_opens_and_closes_again(plugins, build, breakers, clock):
    (one,) = plugins("MoodyFilter")
    line, hosts = build.pipeline([one], breakers=breakers), build.table(3)
    for _ in range(3):
        place(line, hosts, build, "raise")
    assert one.told().breaker == "open"
    assert breakers.alarms() == ["filter MoodyFilter is switched off after faults: RuntimeError: poison"]
    calls = one.told().calls
    assert place(line, hosts, build).host is None
    assert one.told().calls == calls, "it is not asked"
    clock.now += 60
    assert place(line, hosts, build).host
    assert (one.told().breaker, breakers.alarms()) == ("closed", [])


def test_what_it_does_once_is_one_fault_however_often_equal_requests_come(plugins, build, breakers):
    """They are refused without a call. Others that kill it count, also when equal ones came in between."""
    (one,) = plugins("MoodyFilter")
    line, hosts = build.pipeline([one], breakers=breakers), build.table(3)
    for number in range(3):
        assert one.told().breaker == "closed", number
        for _ in range(4):
            decision = place(line, hosts, build, "exit", ram_mb=64 + number)
            assert decision.host is None
    assert one.told().breaker == "open"
    assert place(line, hosts, build).host is None


def test_one_that_cannot_be_loaded_there_says_so(conf, build):
    """It was upgraded while the service ran, for instance."""
    broken = isolated(conf, load_named(conf, loader.FILTERS, "UpgradedFilter"))
    with open(sys.modules["upgraded"].__file__, "w") as file:
        file.write("import no_such_module\n")
    try:
        line = build.pipeline([broken])
        assert place(line, build.table(1), build).host is None
        assert "its process cannot load it: PluginError: Plug-in UpgradedFilter" in broken.told().last_fault
        assert "No module named 'no_such_module'" in broken.told().last_fault
    finally:
        broken.object.stop()


def test_one_that_was_killed_while_it_was_idle_is_replaced_and_no_request_is_refused(moody, build):
    line, one = moody
    hosts = build.table(2)
    assert place(line, hosts, build).host
    (killed,) = pids(one)
    os.kill(killed, signal.SIGKILL)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)
    assert place(line, hosts, build).host
    assert (one.told().faults, killed in pids(one), is_there(killed)) == (0, False, False)


def test_nothing_is_left_when_it_is_stopped(conf, build):
    one = isolated(conf, load_named(conf, loader.FILTERS, "MoodyFilter"))
    line = build.pipeline([one])
    line.start()
    (pid,) = pids(one)
    assert is_there(pid), "it starts by itself, before anybody asks"
    line.stop()
    assert not is_there(pid)
    assert place(line, build.table(1), build).host is None
    assert one.told().last_fault == "ChildProcessError: the scheduler is stopping"


def test_it_ends_when_its_scheduler_has_gone(plugins, build):
    """An idle one at once; one that spins in C and never looks at its pipe when its time is over."""
    (one,) = plugins("MoodyFilter")
    start = msgspec.structs.replace(one.object._start, timeout_s=0.1)
    idle, stuck = Process(start), Process(start)
    picture = ("nova", [build.host("h0")])
    try:
        for process in (idle, stuck):
            process._wait_loaded()
        spinning = Question(verb="mask", spec=build.spec(scheduler_hints={"mood": "spin"}), picture=picture)
        wire.send(stuck._channel, pickle.dumps(spinning))
        for process in (idle, stuck):
            process._channel.close()  # as the system does for a scheduler that dies
        assert idle._popen.wait(60) == 0
        assert stuck._popen.wait(60) == -signal.SIGALRM
    finally:
        for process in (idle, stuck):
            process.kill()
