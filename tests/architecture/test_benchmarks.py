"""The benchmarks run and measure successes, and their JSON keeps its keys. How fast anything is, no test says."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEYS = {
    "create": {
        "creates", "creates_per_s", "server_us_per_create", "client_us_per_create", "half_load_per_s", "post_p50_ms",
        "post_p99_ms", "batch_servers", "batch_servers_per_s", "batch_server_us_per_server", "active",
    },
    "guard": {"guard_mask_us", "guard_row_us", "guard_weights_us", "guard_host_passes_ns_per_host"},
    "isolation": {
        "spawn_ms", "start_ms", "first_us", "isolated_us", "here_us", "isolated_row_us", "here_row_us", "rss_mb",
    },
    "scheduler": {
        "warm_median_us_10k", "warm_p10_us_10k", "warm_mean_us_10k", "growth_100k_over_1k", "minmax_median_us_10k",
        "minmax_p10_us_10k", "minmax_median_us_100k", "filter_warm_ratio", "filter_cold_us_per_host", "claims_per_s",
        "claims_p99_ms", "bytes_per_host", "start_s", "group_claims_per_s",
    },
}  # fmt: skip


def bench(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_quick_run_measures_what_it_says(tmp_path):
    done = bench(*KEYS, "--quick", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "out.json").read_text())
    assert set(document) == {"machine", "quick", "results", "goals", "failed"}
    assert {"cores", "cpu", "python"} <= set(document["machine"])
    assert (document["quick"], document["failed"]) == (True, {})
    results = document["results"]
    assert {name: set(figures) for name, figures in results.items()} == KEYS
    create = results["create"]
    assert (create["creates"], create["batch_servers"]) == (200, 200)
    assert create["active"] == 50 + 200 + 100 + 200
    # What a filter adds is a difference of two small figures here, and may come out below nothing.
    assert all(v > 0 for figures in results.values() for key, v in figures.items() if key != "filter_cold_us_per_host")
    assert document["goals"]["create"]["creates_per_s"] == ">= 500"
    assert "goal >= 500" in done.stdout


def test_the_benchmark_of_the_scheduler_runs_by_itself(tmp_path):
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "scheduler.py"),
        "--quick",
        "--json",
        str(tmp_path / "out.json"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEYS["scheduler"] <= set(json.loads((tmp_path / "out.json").read_text()))


def test_a_name_that_is_none_is_refused():
    done = bench("nonsense")
    assert done.returncode == 2
    assert "there is no benchmark nonsense" in done.stderr


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks")


def test_every_benchmark_can_be_run(benchmarks):
    for name in benchmarks.REGISTER:
        module = importlib.import_module(f"benchmarks.{name}")
        assert module.__doc__ and module.run.__doc__


def test_percentiles(benchmarks):
    figures = importlib.import_module("benchmarks.figures")
    values = list(range(1, 101))
    assert [figures.percentile(values, p) for p in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert figures.percentile([7.0], 99) == 7.0
    assert (figures.Goal(2.0).is_met(2.0), figures.Goal(2.0).is_met(2.1)) == (True, False)
    assert (figures.Goal(500, at_most=False).is_met(499), str(figures.Goal(500, at_most=False))) == (False, ">= 500")


def test_what_fails_is_no_figure(benchmarks):
    """A server that refuses must not count as a fast one."""
    create = importlib.import_module("benchmarks.create")
    client = importlib.import_module("benchmarks.client")
    figures = importlib.import_module("benchmarks.figures")
    create._check_accepted([client.Answer(202, b"", 0.1)])
    with pytest.raises(figures.NotMeasuredError, match="1 POSTs of 2 were refused: 503"):
        create._check_accepted([client.Answer(202, b"", 0.1), client.Answer(503, b"busy", 0.1)])
