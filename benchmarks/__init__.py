"""What corenova costs, measured: ``make bench``, or ``python -m benchmarks [names...] [--json OUT] [--quick]``.

Each file beside this one that REGISTER names is one benchmark: ``run(quick)`` measures and returns figures, and raises
:class:`~benchmarks.figures.NotMeasuredError` when what it timed was no success. On a machine that others use too, wall
times say little: compare CPU times, and ratios taken in one run.
"""

REGISTER = ("start", "installed", "create", "read", "hop", "scheduler", "guard", "isolation", "guests", "scaffold")
"""The benchmarks, in the order in which they run."""
