"""What the demonstration prints: plain text that is pleasant on a terminal and in a log."""

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from cloud import CPU_RATIO, Cloud
from replay import Misfit, Played, Result
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_WIDTH = 20


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar while the block runs, on a terminal only; yields what advances it by one."""
    columns = (TextColumn("{task.description}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def outcome(console: Console, played: Played, result: Result) -> None:
    """Print how the replay went."""
    for sentence in played.refused[:5]:
        console.print(f"  refused: {escape(sentence)}")
    posts = sorted(played.posts) or [0.0]
    console.print(
        f"{len(played.posts)} requests accepted in {played.seconds:.1f} s "
        f"(median {statistics.median(posts) * 1000:.0f} ms as the client sees it), {len(played.refused)} refused.\n"
        f"{len(played.accepted)} servers accepted: {result.active} ACTIVE, {result.failed} ERROR with a reason, "
        f"{result.lost} lost, after {result.seconds:.1f} s."
    )


def hosts(console: Console, cloud: Cloud) -> None:
    """Print what is claimed of each host."""
    # 2.87 is the last microversion in which a hypervisor tells its usage.
    answer = cloud.connect("corenova-admin").compute.get("/os-hypervisors/detail", microversion="2.87")
    nodes = sorted(answer.json()["hypervisors"], key=lambda node: node["hypervisor_hostname"])
    _head(console, f"Where they are ({CPU_RATIO:g} vCPUs may be claimed per CPU)")
    for node in nodes:
        vcpus, ram = node["vcpus"] * CPU_RATIO, node["memory_mb"]
        console.print(
            f"  {node['hypervisor_hostname']:<9} {node['running_vms']:>4} servers  "
            f"vCPU {_bar(node['vcpus_used'] / vcpus)} {node['vcpus_used']:>3}/{vcpus:.0f}  "
            f"RAM {_bar(node['memory_mb_used'] / ram)} {node['memory_mb_used'] / 1024:>3.0f}/{ram / 1024:.0f} GiB",
            soft_wrap=True,
        )


def _bar(part: float) -> str:
    full, empty = ("█", "░") if (sys.stdout.encoding or "").lower().startswith("utf") else ("#", ".")
    filled = min(_WIDTH, round(part * _WIDTH))
    return f"[cyan]{full * filled}[/]{empty * (_WIDTH - filled)}"


def path_of_one(console: Console, cloud: Cloud, played: Played) -> None:
    """Print the way of one server through the services, hop by hop, and what the scheduler had to say."""
    admin = cloud.connect("corenova-admin")
    query = {"name": f"^{played.accepted[len(played.accepted) // 2]}$", "all_projects": True} if played.accepted else {}
    server = next(iter(admin.compute.servers(details=True, **query)), None) if query else None
    if server is None:
        return
    base = f"/servers/{server.id}/os-instance-actions"
    create = next(a for a in admin.compute.get(base).json()["instanceActions"] if a["action"] == "create")
    full = admin.compute.get(f"{base}/{create['request_id']}", microversion="2.62").json()["instanceAction"]
    start = _time(full["start_time"])

    hops = [
        (full["start_time"], "api", f"accepted and durable, as {create['request_id']}"),
        (server.launched_at, "driver", f"guest launched; the server is {server.status}"),
    ]
    for event in full["events"]:
        who, what = _HOPS.get(event["event"], ("", event["event"]))
        hops.append((event["start_time"], who, f"{what} on {event['host']}"))
        if event["finish_time"]:
            hops.append((event["finish_time"], "conductor", f"{event['result']}, written down"))
    _head(console, f"The path of one server: {server.name}")
    for at, who, what in sorted(hops, key=lambda hop: hop[0]):
        console.print(f"  {(_time(at) - start) * 1000:>8.1f} ms  {who:<10} {what}", soft_wrap=True)
    _explain(console, cloud, server.id)


_HOPS = {
    "compute__do_build_and_run_instance": ("compute", "took the work, builds the guest"),
    "conductor_schedule_and_build_instances": ("conductor", "schedules"),
}


def _time(text: str) -> float:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).timestamp()


def _explain(console: Console, cloud: Cloud, server_id: str) -> None:
    told = cloud.manage("explain", server_id)
    console.print("\n  corenova-manage explain says:")
    for line in (told.stdout or told.stderr).rstrip().splitlines():
        console.print(f"    {escape(line)}".rstrip(), soft_wrap=True)


def no_and_why(console: Console, misfit: Misfit) -> None:
    """Print what the user is told about a server that fits nowhere."""
    _head(console, f"A request that does not fit: {misfit.wish}")
    console.print(f"  {misfit.status}: {escape(misfit.message or 'no reason was given')}", soft_wrap=True)


def audit(console: Console, cloud: Cloud) -> bool:
    """Run the invariant checker, print its verdict, and return whether it is content."""
    _head(console, "corenova-manage audit")
    told = cloud.manage("audit")
    for line in (told.stdout or told.stderr).strip().splitlines()[-10:]:
        console.print(f"  {escape(line)}", soft_wrap=True)
    return told.returncode == 0


def _head(console: Console, text: str) -> None:
    console.print(f"\n[bold]{escape(text)}[/]")
