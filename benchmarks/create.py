"""POST /servers to ACTIVE over HTTP: how many a second, at what CPU, and how long a POST takes at half that load."""

import time

from benchmarks import client, cloud
from benchmarks.figures import Figure, Goal, check, percentile

HOSTS = 100
CONNECTIONS = 16
BATCH = 100


def run(quick: bool) -> list[Figure]:
    """Warm up, create one by one as fast as it goes, then at half that rate, then a hundred with each POST."""
    warm_up, count, posts = (50, 200, 2) if quick else (500, 3000, 40)
    with cloud.ready_server(hosts=HOSTS) as server:
        _measure(server, [server.create(f"warm-{n}") for n in range(warm_up)], 1, CONNECTIONS)
        single = _measure(server, [server.create(f"one-{n}") for n in range(count)], 1, CONNECTIONS)
        half = single.per_s / 2
        requests = [server.create(f"half-{n}") for n in range(count // 2)]
        answers = client.paced(server.port, requests, per_second=half, connections=4 * CONNECTIONS)
        _check_accepted(answers)
        many = _measure(server, [server.create(f"many-{n}", BATCH) for n in range(posts)], BATCH, 2)
        active = server.count_active()
    expected = warm_up + count + count // 2 + posts * BATCH
    check(active == expected, f"{active} servers are ACTIVE and {expected} were accepted")
    milliseconds = [answer.seconds * 1000 for answer in answers]
    return [
        Figure("creates", count, "", "creates measured, one a POST"),
        Figure("creates_per_s", single.per_s, "/s", "creates to ACTIVE", Goal(500, at_most=False)),
        Figure("server_us_per_create", single.server_us, "CPU us", "server, per create"),
        Figure("client_us_per_create", single.client_us, "CPU us", "load generator, per create"),
        Figure("half_load_per_s", half, "/s", "half load: POSTs sent"),
        Figure("post_p50_ms", percentile(milliseconds, 50), "ms", "half load: POST p50"),
        Figure("post_p99_ms", percentile(milliseconds, 99), "ms", "half load: POST p99", Goal(50)),
        Figure("batch_servers", posts * BATCH, "", f"servers measured, {BATCH} a POST"),
        Figure(
            "batch_servers_per_s", many.per_s, "/s", f"servers to ACTIVE, {BATCH} a POST", Goal(1500, at_most=False)
        ),
        Figure("batch_server_us_per_server", many.server_us, "CPU us", f"server, per server, {BATCH} a POST"),
        Figure("active", active, "", "servers ACTIVE at the end, all of them"),
    ]


class _Measured:
    def __init__(self, servers: int, seconds: float, server_s: float, client_s: float):
        self.per_s = servers / seconds
        self.server_us = server_s / servers * 1e6
        self.client_us = client_s / servers * 1e6


def _measure(server: cloud.Server, requests: list[bytes], each: int, connections: int) -> _Measured:
    """From the first POST until nothing is being built any more."""
    own, cpu, began = time.process_time(), server.cpu_s(), time.perf_counter()
    answers = client.closed(server.port, requests, connections=connections)
    server.settle()
    measured = _Measured(
        len(requests) * each,
        time.perf_counter() - began,
        server.cpu_s() - cpu,
        time.process_time() - own,
    )
    _check_accepted(answers)
    return measured


def _check_accepted(answers: list[client.Answer]) -> None:
    refused = [answer for answer in answers if answer.status != 202]
    if refused:
        first = refused[0]
        check(False, f"{len(refused)} POSTs of {len(answers)} were refused: {first.status} {first.body[:200]!r}")
