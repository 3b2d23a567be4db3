"""What the demonstration does, in order."""

import signal
import sys
import tempfile
from pathlib import Path

import replay
import show
from cloud import Cloud, CloudError
from rich.console import Console

THREADS = 8


def run(count: int) -> int:
    """Show ``count`` requests of the trace on a cloud of our own; returns the exit code."""
    console = Console(highlight=False, force_terminal=None if sys.stdout.isatty() else False)
    with tempfile.TemporaryDirectory(prefix="corenova-demo-") as folder:
        cloud = Cloud(Path(folder))
        try:
            return _tour(console, cloud, count)
        except CloudError as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
        finally:
            # A second Ctrl-C must not leave the cloud behind; stopping it is a matter of seconds.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            cloud.stop()


def _tour(console: Console, cloud: Cloud, count: int) -> int:
    requests = replay.read_trace(count)
    servers = sum(request.servers for request in requests)
    console.print(f"[bold]corenova[/]: one process, {cloud.hosts} fake hosts, nothing else installed.")
    cloud.start()
    console.print(f"corenova-all is ready after {cloud.ready_s:.1f} s at {cloud.url}\n")

    console.print(
        f"Replaying {len(requests)} requests for {servers} servers of the Azure V1 trace, {THREADS} at a time."
    )
    with show.progress(console, "requests", len(requests)) as advance:
        played = replay.play(cloud, requests, threads=THREADS, advance=advance)
    result = replay.settle(cloud, played)
    show.outcome(console, played, result)
    show.hosts(console, cloud)
    show.path_of_one(console, cloud, played)
    misfit = replay.ask_too_much(cloud)
    show.no_and_why(console, misfit)
    clean = show.audit(console, cloud)

    stop_s = cloud.stop()
    in_time = stop_s <= cloud.STOP_S
    remark = "." if in_time else f": too long, {cloud.STOP_S:g} s are allowed."
    console.print(f"\nStopped with SIGTERM in {stop_s:.1f} s{remark}")
    lost = result.lost + (not misfit.has_reason)
    print(f"demo: {result.active} servers ACTIVE in {result.seconds:.1f} s, {lost} lost", flush=True)
    return 0 if lost == 0 and clean and in_time else 1
