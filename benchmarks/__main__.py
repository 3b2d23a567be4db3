"""The command: runs benchmarks by name, prints each figure beside its goal, and writes them as JSON."""

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

from benchmarks import REGISTER, machine
from benchmarks.figures import Figure, NotHereError, NotMeasuredError


def main() -> int:
    """Run what the command line names; returns 1 when something could not be measured. A missed goal is no error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure corenova.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(REGISTER)}")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="small counts: tells whether it works, not how fast")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in REGISTER]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(REGISTER)}")
    about = machine.describe()
    print("  ".join(f"{key}: {value}" for key, value in about.items()))
    measured: dict[str, list[Figure]] = {}
    failed: dict[str, str] = {}
    for name in asked.names or REGISTER:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{name}: {module.__doc__.splitlines()[0]}", flush=True)
        began = time.monotonic()
        try:
            measured[name] = module.run(asked.quick)
        except NotHereError as error:
            print(f"  not measured: {error}", file=sys.stderr)
            continue
        except NotMeasuredError as error:
            failed[name] = str(error)
            print(f"  FAILED: {error}", file=sys.stderr)
            continue
        for figure in measured[name]:
            print(f"  {figure.line()}")
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(_document(about, asked.quick, measured, failed), indent=2) + "\n")
    return 1 if failed else 0


def _document(
    about: dict[str, object], quick: bool, measured: dict[str, list[Figure]], failed: dict[str, str]
) -> dict[str, object]:
    return {
        "machine": about,
        "quick": quick,
        "results": {name: {f.key: round(f.value, 4) for f in figures} for name, figures in measured.items()},
        "goals": {
            name: {f.key: str(f.goal) for f in figures if f.goal is not None} for name, figures in measured.items()
        },
        "failed": failed,
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("benchmarks: interrupted; the server is stopped.")
