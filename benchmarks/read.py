"""Reading: one page with the details of a thousand servers, one server, and the least that this HTTP stack can do."""

import contextlib

import msgspec

from benchmarks import client, cloud
from benchmarks.figures import Figure, Goal, check, median

SERVERS = 1000


def run(quick: bool) -> list[Figure]:
    """Create the servers, then read them one request at a time."""
    servers, pages, shows = (100, 5, 50) if quick else (SERVERS, 30, 1000)
    with cloud.ready_server(hosts=20) as server:
        for n in range(servers // 100):
            check(server.ask_raw(server.create(f"read-{n}", 100)).status == 202, "a POST was refused")
        server.settle()
        detail = f"/servers/detail?limit={servers}"
        found = msgspec.json.decode(server.ask("GET", detail).body)["servers"]
        active = sum(one["status"] == "ACTIVE" for one in found)
        check(active == servers, f"a page of {servers} servers shows {active} ACTIVE ones")
        page_ms, page_cpu, size = _time(server, server.request("GET", detail), pages)
        show_ms, show_cpu, _ = _time(server, server.request("GET", f"/servers/{found[0]['id']}"), shows)
        hello_ms, hello_cpu, _ = _time(server, client.request("GET", "/compute/v2.1/"), shows)
    return [
        Figure("servers", active, "", "servers in the page"),
        Figure("detail_ms", page_ms, "ms", "GET /servers/detail, the whole page (median)", Goal(100)),
        Figure("detail_cpu_ms", page_cpu, "CPU ms", "the same, server"),
        Figure("detail_mb", size / 2**20, "MiB", "the same, body"),
        Figure("show_ms", show_ms, "ms", "GET /servers/{id} (median)"),
        Figure("show_cpu_us", show_cpu * 1000, "CPU us", "the same, server"),
        Figure("hello_ms", hello_ms, "ms", "GET /compute/v2.1/, no token, no database (median)"),
        Figure("hello_cpu_us", hello_cpu * 1000, "CPU us", "the same, server"),
        Figure("show_to_hello", show_cpu / max(hello_cpu, 1e-9), "x", "CPU of one server to that"),
    ]


def _time(server: cloud.Server, data: bytes, rounds: int) -> tuple[float, float, int]:
    """Return the median wall ms, the server's CPU ms for each, and the size of the body."""
    with contextlib.closing(client.Line(server.port)) as line:
        line.ask(data)
        cpu = server.cpu_s()
        answers = [line.ask(data) for _ in range(rounds)]
        cpu = server.cpu_s() - cpu
    wrong = [answer.status for answer in answers if answer.status != 200]
    check(not wrong, f"reads answered {wrong[:3]}")
    return median([answer.seconds * 1000 for answer in answers]), cpu / rounds * 1000, len(answers[0].body)
