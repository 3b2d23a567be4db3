"""A tour of corenova in a quarter of a minute: start a cloud, replay a real trace, see where everything went and why.

    make demo                                  or
    .venv/bin/python examples/demo/demo.py [--requests 300] [--driver fake]

Nothing is left behind: the cloud lives in a temporary directory and is stopped at the end. What happens is in the files
beside this one: tour.py (the order), cloud.py (the process), replay.py (the requests), show.py (what is printed); with
``--driver libvirt`` it is guests.py: real virtual machines, by the unmodified openstack command.
"""

import argparse
import os
import signal
import sys
from typing import NoReturn

DRIVERS = ("fake", "libvirt")
MOST_REQUESTS = 300
INTERRUPTED = 130


def main() -> int:
    """Run the demonstration and return the exit code: 0 when no accepted server was lost."""
    asked = _arguments()
    if asked.driver not in DRIVERS:
        print(
            f"demo: there is no demonstration of the driver {asked.driver!r}: fake and libvirt have one.",
            file=sys.stderr,
        )
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        # Takes half a second, in which Ctrl-C should work already.
        if asked.driver == "libvirt":
            import guests

            return guests.run(asked.connection_uri)
        import tour

        return tour.run(asked.requests)
    except KeyboardInterrupt:
        print("demo: interrupted; the cloud is stopped and gone.", flush=True)
        return INTERRUPTED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", default=os.environ.get("DRIVER") or "fake", help="default: DRIVER, or fake")
    parser.add_argument(
        "--requests", type=_number, default=MOST_REQUESTS, help=f"how many of the sample's {MOST_REQUESTS} requests"
    )
    parser.add_argument(
        "--connection-uri",
        metavar="URI",
        help="libvirt: one that runs (default: qemu:///system, installed and started where it is missing)",
    )
    return parser.parse_args()


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_REQUESTS:
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST_REQUESTS} is needed")
    return int(text)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    code = main()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Threads that still wait for an answer of the stopped cloud keep nobody waiting.
    os._exit(code)
