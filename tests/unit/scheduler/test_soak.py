"""What a scheduler keeps is bounded: a small copy of ``make soak`` (benchmarks/soak.py)."""

import importlib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_memory_stays_flat_over_twelve_thousand_decisions(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    benchmark = importlib.import_module("benchmarks.soak")
    soak = benchmark.Soak(hosts=40)
    soak.run(4_000)
    early, _ = benchmark.memory()
    soak.run(8_000)
    late, _ = benchmark.memory()
    assert soak.placed + soak.refused == 12_000
    assert min(soak.placed, soak.refused) > 0
    # Blocks that Python has allocated: of so short a run the size of the process says little.
    assert late < early * (1 + benchmark.MOST_GROWTH)
