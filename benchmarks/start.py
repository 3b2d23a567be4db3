"""Cold start: from nothing on the disk to the first accepted server, and what the process weighs when idle."""

import contextlib
import socket
import time

from benchmarks import client, cloud, machine
from benchmarks.figures import Figure, Goal, check, median

ROUNDS = 5
IDLE_S = 5.0
START_S = 60.0


def run(quick: bool) -> list[Figure]:
    """Start ``ROUNDS`` times on an empty state path, migrations included; the files of the code are in memory."""
    rounds = 1 if quick else ROUNDS
    if not quick:
        _start(idle_s=0.0)  # warms the page cache
    seconds, cpu, rss = zip(
        *(_start(idle_s=1.0 if quick else IDLE_S if n == rounds - 1 else 0.0) for n in range(rounds)), strict=True
    )
    return [
        Figure("rounds", rounds, "", "starts"),
        Figure("start_s", median(seconds), "s", "process start to the first 202 (median)", Goal(2.0)),
        Figure("start_cpu_s", median(cpu), "CPU s", "the same, CPU of the process (median)"),
        Figure("idle_rss_mb", rss[-1], "MiB", "resident memory, idle, after one server", Goal(150)),
    ]


def _start(*, idle_s: float) -> tuple[float, float, float]:
    port = _free_port()
    began = time.perf_counter()
    with cloud.server(hosts=20, port=port) as server:
        with contextlib.closing(_connect(port, server)) as line:
            # The port is bound early; this waits in its backlog until somebody answers.
            check(line.ask(client.request("GET", "/")).status < 400, "the server does not answer /")
        server.log_in(client.Line(port))
        answer = server.ask_raw(server.create("first"))
        seconds, cpu = time.perf_counter() - began, server.cpu_s()
        check(answer.status == 202, f"the first POST answered {answer.status}: {answer.body[:200]!r}")
        server.settle()
        check(server.count_active() == 1, "the first server is not ACTIVE")
        time.sleep(idle_s)
        return seconds, cpu, machine.rss_mb(server.pid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _connect(port: int, server: cloud.Server) -> client.Line:
    deadline = time.monotonic() + START_S
    while True:
        try:
            line = client.Line(port)
            line.connect()
            return line
        except ConnectionRefusedError:
            check(server.process.poll() is None, "corenova-all ended before it answered")
            check(time.monotonic() < deadline, f"corenova-all does not answer after {START_S:g} s")
            time.sleep(0.001)
