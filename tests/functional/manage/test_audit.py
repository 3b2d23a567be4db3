"""``corenova-manage audit``: exit codes 0, 1 and 2, beside services and without them."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

SPOILED = "INSERT INTO quota_usages (project_id, instances, cores, ram_mb, server_groups) VALUES ('q', 1, 0, 0, 0)"


@contextlib.contextmanager
def running(deployment) -> Iterator[None]:
    """Run all services in a process of their own."""
    start = "from corenova.cmd.all_in_one import main; main()"
    command = [sys.executable, "-c", start, "--config-file", str(deployment.ini)]
    with (deployment.path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=deployment.path, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert "is ready" in process.stdout.readline(), (deployment.path / "log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


def test_beside_running_services(deployment):
    with running(deployment):
        assert deployment.json("audit") == {"clean": True, "findings": [], "skipped": SKIPPED_WHEN_YOUNG}
        assert "Clean." in deployment.manage("audit").stdout
        deployment.write(SPOILED)
        done = deployment.manage("audit")
        assert done.returncode == 1
        assert "I5 q: " in done.stdout
    done = deployment.manage("audit")
    assert done.returncode == 1
    assert "skipped: I4 guests: no service answers at http://127.0.0.1:" in done.stdout
    assert "skipped: I9 processes: no service answers at" in done.stdout


SKIPPED_WHEN_YOUNG = ["I1 leases, I8 deadlines: no conductor has been up for the last 25 s"]


def test_without_services_it_says_what_it_skips(stopped):
    done = stopped.manage("audit")
    assert (done.returncode, done.stderr) == (0, "")
    *skipped, verdict = done.stdout.splitlines()
    assert [line.split(":")[:2] for line in skipped] == [
        ["skipped", " I4 guests"], ["skipped", " I9 processes"], ["skipped", " I1 leases, I8 deadlines"],
    ]  # fmt: skip
    assert verdict == "Clean."


def test_one_line_a_finding(stopped):
    stopped.write(SPOILED)
    stopped.write("DELETE FROM instance_faults")
    done = stopped.manage("audit")
    assert (done.returncode, done.stderr) == (1, "")
    assert [line[:4] for line in done.stdout.splitlines()[:2]] == ["I5 q", "I7 1"]
    assert done.stdout.splitlines()[-1] == "2 findings."
    assert [finding["invariant"] for finding in stopped.json("audit", code=1)["findings"]] == ["I5", "I7"]


COMMANDS = [("audit",), ("explain", "x"), ("service", "list"), ("host", "list"), ("db", "version")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_reading_makes_nothing(deployment, command):
    assert "start corenova-all first" in deployment.refused(*command)
    assert not deployment.state.exists()


@pytest.mark.parametrize("state", ["an empty file", "an empty database"])
def test_an_empty_database_stays_empty(deployment, state):
    deployment.state.mkdir()
    deployment.file.touch()
    if state == "an empty database":
        deployment.write("PRAGMA user_version = 1")
    before = deployment.file.read_bytes()
    assert "start corenova-all first" in deployment.refused("audit")
    assert deployment.file.read_bytes() == before


def test_a_damaged_database(stopped):
    stopped.file.write_bytes(b"this is no database" * 1000)
    assert "damaged" in stopped.refused("audit")


def test_a_database_that_is_damaged_inside(stopped):
    size = stopped.file.stat().st_size
    with stopped.file.open("r+b") as file:
        file.seek(size // 4)
        file.write(b"\xff" * (size // 2))
    assert "corenova-manage: The database" in stopped.refused("audit")


def test_a_schema_of_another_version(stopped):
    stopped.write("UPDATE alembic_version SET version_num = '9999'")
    line = stopped.refused("audit")
    assert "9999" in line and "newer" in line
    stopped.write("UPDATE alembic_version SET version_num = '0000'")
    assert "corenova-manage db upgrade" in stopped.refused("audit")
    assert stopped.json("db", "version")["version"] == "0000"  # it was not migrated by reading


def test_a_database_of_somebody_else(deployment):
    deployment.state.mkdir()
    deployment.write("CREATE TABLE songs (name TEXT)")
    assert "songs" in deployment.refused("audit")


def test_a_bad_ini_value(stopped):
    stopped.write_ini("[compute]\nthreads = many\n")
    assert "[compute] threads in " in stopped.refused("audit")
