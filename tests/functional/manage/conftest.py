"""corenova-manage as operators run it, on a state directory of its own."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from corenova.cmd.manage import main
from corenova.contracts.backends import Backends
from corenova.db import actions, decisions, hosts, instances, migrate, quotas, services, work
from corenova.db.engine import Database
from corenova.objects.decision import Decision, Refusal, Remedy, StageResult
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.states import SCHEDULE_EVENT

LOST = "11111111-1111-4111-8111-111111111111"
FLAVOR = '{"flavorid":"1","name":"nano","vcpus":2,"memory_mb":64,"root_gb":1}'


class Deployment:
    """A state directory with an ini file, and the command on it.

    :param in_process: run the command here and not in a process of its own, which takes a second to import itself.
    """

    def __init__(self, path: Path, *, in_process: bool):
        self.path = path
        self.in_process = in_process
        self.state = path / "state"
        self.file = self.state / "corenova.sqlite"
        self.ini = path / "corenova.conf"
        self.write_ini()

    def write_ini(self, text: str = "", *, default: str = "") -> None:
        """Write an ini file that names the state directory, with these lines in [DEFAULT] and behind it."""
        self.ini.write_text(f"[DEFAULT]\nstate_path = {self.state}\n{default}\n[api]\nbind_port = 0\n{text}\n")

    def manage(self, *args: str, files: bool = True) -> subprocess.CompletedProcess:
        """Run the command; never may it end in a traceback."""
        command = [*(["--config-file", str(self.ini)] if files else []), *args]
        if not self.in_process:
            program = [sys.executable, "-m", "corenova.cmd.manage.main", *command]
            done = subprocess.run(program, cwd=self.path, capture_output=True, text=True, timeout=60)
        else:
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    code = main.run(command)
                except SystemExit as end:
                    code = end.code or 0
            done = subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def refused(self, *args: str, code: int = 2) -> str:
        """Run a command that must fail with one line on stderr and nothing else; return the line."""
        done = self.manage(*args)
        assert (done.returncode, done.stdout) == (code, ""), done
        (line,) = done.stderr.splitlines()
        assert line.startswith("corenova-manage: ")
        return line

    def json(self, *args: str, code: int = 0) -> dict:
        """Run a command with ``--json`` and return its answer."""
        done = self.manage(*args, "--json")
        assert (done.returncode, done.stderr) == (code, ""), done
        return json.loads(done.stdout)

    def write(self, statement: str) -> None:
        """Change the database behind everybody's back."""
        db = self.database()
        db.write("test", lambda connection: connection.execute(sa.text(statement)))
        db.close()

    def database(self) -> Database:
        """Open the database; makes it when there is none."""
        return Database(f"sqlite:///{self.file}")


@pytest.fixture
def deployment(tmp_path, request) -> Deployment:
    """Nothing yet. A module with ``IN_PROCESS = True`` runs its commands in the test's process."""
    return Deployment(tmp_path, in_process=getattr(request.module, "IN_PROCESS", False))


@pytest.fixture
def stopped(deployment) -> Deployment:
    """A deployment whose services are gone, with two hosts and a server for which there was no place."""
    db = deployment.database()
    migrate.upgrade(db)
    db.write("test", _populate)
    db.close()
    return deployment


def _populate(connection: sa.Connection) -> None:
    services.register(
        connection, binary=services.COMPUTE, hosts=["h1", "h2"], address="c1", incarnation="1", version="1"
    )
    services.withdraw(connection, binary=services.COMPUTE, address="c1", incarnation="1")
    inventories = {name: Inventory(total=4) for name in ("VCPU", "MEMORY_MB", "DISK_GB")}
    facts = {"hypervisor_type": "fake", "hypervisor_version": 1, "inventories": inventories}
    hosts.report(connection, [HostReport(host=name, **facts) for name in ("h1", "h2")])
    quotas.reserve(connection, "p", {"instances": 1, "cores": 2, "ram_mb": 64}, {})
    row = {
        "uuid": LOST, "project_id": "p", "user_id": "u", "reservation_id": "r-1", "display_name": "lost",
        "hostname": "lost", "metadata": "{}", "tags": "[]", "flavor": FLAVOR, "vcpus": 2, "memory_mb": 64,
        "spec": f'{{"project_id":"p","user_id":"u","flavor":{FLAVOR}}}', "request_id": "req-1", "deadline_s": 600.0,
        "hint_grace_s": 5.0,
    }  # fmt: skip
    instances.insert(connection, [row])
    actions.record(connection, [{"instance_uuid": LOST, "request_id": "req-1", "action": "create"}])
    (taken,) = work.take_scheduling(connection, [LOST], owner="conductor:c", lease_s=20)
    decision = Decision(
        host=None,
        stages=(StageResult("HostEnabled", 2, 2), StageResult("Capacity", 2, 0)),
        refusals=(Refusal("Capacity", "4 MEMORY_MB free, 64 asked", ("h1", "h2")),),
        remedies=(
            Remedy(
                kind="reduce",
                sentence="With 60 MEMORY_MB less, 4 instead of 64, it fits on 2 hosts.",
                hosts=2,
                resource_class="MEMORY_MB",
                asked=64,
                fits=4,
                host_names=("h1", "h2"),
            ),
        ),
        summary="No valid host was found. Of 2 hosts, Capacity refused 2.",
    )
    decisions.put(connection, [(LOST, decision)])
    work.bury(connection, taken, Backends(None, None), message=decision.summary, details=None, event=SCHEDULE_EVENT)
