"""One hop on the bus inside a process: ``local://``, with oslo.messaging's own ``fake://`` beside it."""

import threading
import time
import uuid

from oslo_config import cfg

import corenova  # noqa: F401 - chooses the threading backend before oslo.messaging is imported
from benchmarks.figures import Figure, Goal, check, median, percentile
from corenova.objects.request_spec import Flavor, ImageMeta, RequestSpec, Selection, SelectRequest
from corenova.rpc.scheduler import TOPIC, SchedulerAPI
from corenova.rpc.server import RpcServer, expose
from corenova.rpc.transport import Caller, build_transport

UUID = "11111111-1111-4111-8111-111111111111"
SPEC = RequestSpec(
    project_id="p" * 32,
    user_id="u" * 32,
    flavor=Flavor(flavorid="1", name="m1.nano", vcpus=1, memory_mb=64, root_gb=1),
    image=ImageMeta(id=UUID, name="cirros"),
)


class _Scheduler:
    """Answers without thinking, so that only the way is measured."""

    def __init__(self) -> None:
        self.heard = 0
        self.wanted = 0
        self.heard_all = threading.Event()

    @expose
    def select_destinations(self, ctxt: dict, requests: list[SelectRequest]) -> list[Selection]:
        """Say ``fake-001`` to everything."""
        return [Selection(instance_uuid=one, host="fake-001", address="a") for r in requests for one, _ in r.instances]

    @expose
    def note(self, ctxt: dict, request: SelectRequest) -> None:
        """Count a cast; there is one worker, so nothing is lost in counting."""
        self.heard += 1
        if self.heard == self.wanted:
            self.heard_all.set()


def run(quick: bool) -> list[Figure]:
    """Call one after the other, then cast many at once; every answer and every cast is checked."""
    calls, casts = (300, 500) if quick else (5000, 5000)
    local = _calls("local://", calls)
    fake = _calls("fake://", 10 if quick else 60)
    return [
        Figure("calls", calls, "", "calls measured, one after the other"),
        Figure("call_p50_ms", median(local.times), "ms", "call and answer on local://, p50", Goal(0.6)),
        Figure("call_p99_ms", percentile(local.times, 99), "ms", "the same, p99"),
        Figure("call_cpu_us", local.cpu_us, "CPU us", "the same, both sides"),
        Figure("casts", casts, "", "casts measured, all at once"),
        Figure("cast_cpu_us", _casts(casts), "CPU us", "cast on local://, both sides"),
        Figure("fake_call_p50_ms", median(fake.times), "ms", "call and answer on fake://, p50"),
        Figure("fake_to_local", median(fake.times) / median(local.times), "x", "fake:// to local://, p50"),
    ]


class _Bus:
    def __init__(self, url: str):
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        self.transport = build_transport(conf, url if url != "local://" else f"local:///bench-{uuid.uuid4().hex[:8]}")
        self.scheduler = _Scheduler()
        self.server = RpcServer(self.transport, TOPIC, "one", self.scheduler, executor_threads=1)
        self.server.start()

    def close(self) -> None:
        self.server.stop(2.0)
        self.transport.cleanup()


class _Calls:
    def __init__(self, times: list[float], cpu_us: float):
        self.times = times
        self.cpu_us = cpu_us


def _calls(url: str, count: int) -> _Calls:
    bus = _Bus(url)
    api = SchedulerAPI(bus.transport, timeout_s=10.0)
    request = SelectRequest(spec=SPEC, instances=((UUID, 1),))
    expected = [Selection(instance_uuid=UUID, host="fake-001", address="a")]
    times = []
    for _ in range(min(50, count)):
        api.select_destinations([request])
    cpu = time.process_time()
    for _ in range(count):
        began = time.perf_counter()
        answer = api.select_destinations([request])
        times.append((time.perf_counter() - began) * 1000)
        check(answer == expected, f"{url} brought back {answer}")
    cpu = time.process_time() - cpu
    bus.close()
    return _Calls(times, cpu / count * 1e6)


def _casts(count: int) -> float:
    bus = _Bus("local://")
    caller = Caller(bus.transport, TOPIC, namespace=TOPIC)
    request = SelectRequest(spec=SPEC, instances=((UUID, 1),))
    bus.scheduler.wanted = count
    cpu = time.process_time()
    for _ in range(count):
        check(caller.cast("note", request=request), "the bus did not take a cast")
    check(bus.scheduler.heard_all.wait(60.0), f"only {bus.scheduler.heard} of {count} casts arrived")
    cpu = time.process_time() - cpu
    bus.close()
    return cpu / count * 1e6
