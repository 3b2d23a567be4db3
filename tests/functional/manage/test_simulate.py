"""corenova-manage simulate, on a trace of its own and on the sample of the demonstration."""

import json
import sys
from pathlib import Path

import pytest

IN_PROCESS = True
SAMPLE = Path(__file__).parents[3] / "examples" / "demo" / "azure-v1-sample.csv"
HEADER = "time_s,batch,flavor,vcpus,mem_gb,life_lo_s,life_hi_s,censored\n"
KEYS = {
    "requests", "placed", "rejected", "decisions_per_s", "decisions_per_cpu_s", "hosts_used_peak", "lower_bound_hosts",
    "hosts_over_lower_bound", "density_non_empty", "empty_hosts_share", "stranded_cpu_share",
}  # fmt: skip
PACKED = "[filter_scheduler]\nweight_classes = BestFitWeigher\n"


@pytest.fixture
def trace(tmp_path) -> Path:
    """Thirty small servers, of which half are deleted soon, and three of half a host."""
    lines = [f"{300 * n},{n},small,1,1,0,0,{n % 2}" for n in range(30)]
    lines += [f"{3000 * n + 1500},99,large,8,8,0,0,1" for n in range(3)]
    path = tmp_path / "trace.csv"
    path.write_text(HEADER + "\n".join(lines) + "\n")
    return path


def simulate(deployment, trace, *more, size="16:16384:0"):
    done = deployment.manage("simulate", "--host-size", size, "--trace", str(trace), *more)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def figures(deployment, trace, *more, **options) -> dict:
    return json.loads(simulate(deployment, trace, *more, "--json", "-", **options))


def test_figures(deployment, trace):
    deployment.write_ini(PACKED)
    told = figures(deployment, trace, "--hosts", "6")
    assert told.keys() >= KEYS
    assert (told["requests"], told["placed"], told["rejected"], told["hosts"]) == (33, 33, 0, 6)
    # 15 small ones stay, and one more may be there for a while: 3 * 8 + 15 to 17 vCPUs
    assert told["lower_bound_hosts"] == told["hosts_used_peak"] == 3
    assert told["hosts_over_lower_bound"] == 1
    assert 0.5 < told["density_non_empty"] <= 1
    assert 0.5 <= told["empty_hosts_share"] < 0.8
    assert {len(values) for values in told["course"].values()} == {200}


def test_the_ini_decides(deployment, trace):
    """The default spreads: it uses every host. The ini may be named behind the command as well."""
    assert figures(deployment, trace, "--hosts", "6")["hosts_used_peak"] == 6
    other = deployment.path / "other.conf"
    other.write_text(PACKED)
    assert figures(deployment, trace, "--hosts", "6", "--config-file", str(other))["hosts_used_peak"] == 3
    assert figures(deployment, trace, f"--config-file={other}", "--hosts", "6")["hosts_used_peak"] == 3


def test_an_enabled_filter_is_asked(deployment, trace):
    deployment.write_ini(PACKED + "enabled_filters = NoSuchFilter\n")
    line = deployment.refused("simulate", "--hosts", "1", "--host-size", "1:1:0", "--trace", str(trace))
    assert "NoSuchFilter" in line


def test_the_same_seed_gives_the_same_figures(deployment, trace):
    deployment.write_ini(PACKED + "host_subset_size = 3\n")

    def course(*more):
        return figures(deployment, trace, "--hosts", "6", *more)["course"]

    assert course() == course("--seed", "11") != course("--seed", "12")


def test_json_goes_to_a_file_and_the_table_to_the_eye(deployment, trace):
    text = simulate(deployment, trace, "--hosts", "2", "--json", str(trace.with_suffix(".json")))
    told = json.loads(trace.with_suffix(".json").read_text())
    assert told["rejected"] > 0
    assert f"rejected                      {told['rejected']}\n" in text
    assert "The first rejection: No valid host was found. Of 2 hosts, Capacity refused 2." in text


def test_find_hosts(deployment, trace):
    told = figures(deployment, trace, "--find-hosts")
    assert told["rejected"] == 0
    assert told["hosts_over_lower_bound"] == round(told["hosts"] / told["lower_bound_hosts"], 4)
    assert figures(deployment, trace, "--hosts", str(told["hosts"]))["rejected"] == 0
    assert figures(deployment, trace, "--hosts", str(told["hosts"] - 1))["rejected"] > 0


def test_the_sample_of_the_demonstration(deployment):
    told = figures(deployment, SAMPLE, "--hosts", "40", size="64:163840:0")
    lines = SAMPLE.read_text().splitlines()[1:]
    assert told["requests"] == told["placed"] == sum(int(line.split(",")[5]) for line in lines)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot(deployment, trace, suffix):
    pytest.importorskip("matplotlib")
    picture = trace.with_suffix(suffix)
    simulate(deployment, trace, "--hosts", "6", "--plot", str(picture))
    start = picture.read_bytes()[:1000]
    assert start.startswith(b"\x89PNG") if suffix == ".png" else b"<svg" in start


def test_a_plot_without_matplotlib(deployment, trace, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    line = deployment.refused(
        "simulate", "--hosts", "6", "--host-size", "16:16384:0", "--trace", str(trace), "--plot", "a.png"
    )
    assert "pip install 'corenova[plot]'" in line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"--host-size": "64:163840"}, "--host-size 64:163840: three whole numbers are needed"),
        ({"--host-size": "64:-1:0"}, "three whole numbers"),
        ({"--host-size": "0:1:0"}, "takes nothing"),
        ({"--hosts": "0"}, "--hosts 0: at least one"),
        ({"--hosts": "many"}, "argument --hosts: invalid int value: 'many'"),
        ({"--hosts": None}, "Say --hosts N, or let --find-hosts"),
        ({"--seed": "-1"}, "--seed -1"),
        ({"--plot": "picture.jpg"}, "--plot picture.jpg: the name of a picture ends in .png or .svg."),
        ({"--json": "/no/such/place/out.json"}, "--json /no/such/place/out.json: there is no directory"),
        ({"--trace": "/no/such/trace.csv"}, "/no/such/trace.csv cannot be read: No such file or directory."),
    ],
)
def test_what_cannot_be_done_is_one_line(deployment, trace, arguments, complaint):
    wanted = {"--hosts": "6", "--host-size": "16:16384:0", "--trace": str(trace)} | arguments
    words = [word for option, value in wanted.items() if value is not None for word in (option, value)]
    assert complaint in deployment.refused("simulate", *words)


def test_a_bad_trace_is_named_with_line_and_column(deployment, trace):
    trace.write_text(HEADER + "0,0,a,1,much,0,0,0\n")
    line = deployment.refused("simulate", "--hosts", "6", "--host-size", "16:16384:0", "--trace", str(trace))
    assert f"{trace}, line 2, column mem_gb: 'much' is not a number above 0." in line


def test_a_request_that_no_host_can_take_ends_the_search(deployment, trace):
    line = deployment.refused("simulate", "--find-hosts", "--host-size", "4:16384:0", "--trace", str(trace))
    assert "No number of such hosts takes all requests." in line
    assert "VCPU: 8 asked" in line
