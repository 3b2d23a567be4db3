"""The invariant checker: a clean database yields nothing, each broken one exactly its finding."""

import time

import msgspec
import pytest
import sqlalchemy as sa

from corenova import audit
from corenova.contracts.backends import Backends
from corenova.db import actions, addresses, deployment, groups, hosts, instances, ports, quotas, schema, services, work
from corenova.db.engine import Database
from corenova.db.work import Placement
from corenova.exceptions import Unavailable
from corenova.objects.decision import Decision
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.instance import Guest
from corenova.objects.request_spec import Flavor, RequestSpec
from corenova.objects.states import ACTIONS, SCHEDULE_EVENT, Step
from corenova.objects.topology import HostTopology, NumaCell, TopologyWish, WishedCell
from corenova.objects.work import HostGuests

NOBODY = Backends(images=None, networks=None)
"""No row here has ports or a snapshot, so neither service is asked."""

FLAVOR = Flavor(flavorid="1", name="nano", vcpus=3, memory_mb=64, root_gb=3, extra_specs={"resources:CUSTOM_X": "1"})
CELL = WishedCell(vcpus=(0, 1, 2), memory_mb=64, dedicated=(0,))
SPEC = RequestSpec(project_id="p", user_id="u", flavor=FLAVOR, topology=TopologyWish(cells=(CELL,)))
SHARED, DEDICATED = tuple((cpu,) for cpu in range(10, 16)), ((2,), (3,), (4,))
TOPOLOGY = HostTopology(cells=(NumaCell(id=0, memory_mb=1000, shared=SHARED, dedicated=DEDICATED),))
ACTIVE, BUSY, ERROR, GONE, NEW = "active", "busy", "error", "gone", "new"
MARKER = "this deployment"
ROWS, A, INV, Q = schema.instances, schema.allocations, schema.inventories, schema.quota_usages
CLAIMS, TOPOLOGIES = schema.topology_claims, schema.host_topologies


def json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def request(connection: sa.Connection, uuid: str) -> None:
    """What the API writes for one accepted server."""
    row = {
        "uuid": uuid, "project_id": "p", "user_id": "u", "reservation_id": "r-1", "display_name": uuid,
        "hostname": uuid, "metadata": "{}", "tags": "[]", "flavor": json(FLAVOR), "vcpus": 2, "memory_mb": 64,
        "spec": json(SPEC), "request_id": f"req-{uuid}", "deadline_s": 600.0, "hint_grace_s": 5.0,
    }  # fmt: skip
    quotas.reserve(connection, "p", {"instances": 1, "cores": 2, "ram_mb": 64}, {})
    instances.insert(connection, [row])
    actions.record(connection, [{"instance_uuid": uuid, "request_id": f"req-{uuid}", "action": "create"}])


def place(connection: sa.Connection, uuid: str, host: str) -> None:
    """What the scheduler writes."""
    (row,) = work.take_scheduling(connection, [uuid], owner="conductor:c", lease_s=20)
    placement = Placement(
        instance_uuid=uuid,
        generation=row.generation,
        host=host,
        zone="nova",
        resources=SPEC.resources(),
        decision=Decision(host=host),
        topology=SPEC.topology,
    )
    assert work.place(connection, [placement])


def carry_out(connection: sa.Connection, uuid: str) -> None:
    """What the conductor writes when a compute has taken up its order and reports success."""
    (row,) = work.take_for_compute(connection, "c1", [uuid], lease_s=20)
    if row.step == Step.DELETE:
        work.remove(connection, [row], NOBODY)
    else:
        work.finish(connection, row.step, [(uuid, row.generation, 1)])
    actions.close_events(connection, [(uuid, row.generation, None)])
    actions.close_actions(connection, [(uuid, row.request_id, None)])


def populate(connection: sa.Connection) -> None:
    """A server in every stage of life, on two hosts of one compute."""
    deployment.put(connection, "id", MARKER)
    inventories = {name: Inventory(total=1000) for name in SPEC.resources()}
    facts = {"hypervisor_type": "fake", "hypervisor_version": 1, "inventories": inventories, "topology": TOPOLOGY}
    reports = [HostReport(host=host, **facts) for host in ("h1", "h2")]
    services.register(
        connection, binary=services.COMPUTE, hosts=["h1", "h2"], address="c1", incarnation="1", version="1"
    )
    services.register(connection, binary=services.CONDUCTOR, hosts=["c"], address="c", incarnation="1", version="1")
    connection.execute(sa.update(schema.services).values(updated_at=schema.services.c.updated_at - 1000))
    hosts.report(connection, reports)
    groups.create(connection, uuid="g", project_id="p", user_id="u", name="g", policy="affinity", rules={}, limit=-1)
    for uuid in (ACTIVE, BUSY, ERROR, GONE, NEW):
        request(connection, uuid)
    for uuid in (ACTIVE, BUSY, GONE):
        place(connection, uuid, "h1")
        carry_out(connection, uuid)
    rows = work.locked(connection, [BUSY, GONE, ERROR])
    asked = {"user_id": "u", "deadline_s": 600}
    work.request(connection, rows[GONE], ACTIONS[Step.DELETE], NOBODY, request_id="req-2", **asked)
    carry_out(connection, GONE)
    work.request(
        connection, rows[BUSY], ACTIONS[Step.REBOOT_HARD], NOBODY, request_id="req-3", user_id="u", deadline_s=600
    )
    work.bury(connection, rows[ERROR], NOBODY, message="Nothing fits.", details=None, event=SCHEDULE_EVENT)
    give_ports(connection)


def give_ports(connection: sa.Connection) -> None:
    """A network with a port of a server and a port of nobody."""
    network = {"uuid": "net", "project_id": "p", "name": "net", "network_type": "nat"}
    connection.execute(sa.insert(schema.networks).values(**network, created_at=1.0, updated_at=1.0))
    subnet = {
        "uuid": "sub",
        "network_uuid": "net",
        "project_id": "p",
        "name": "",
        "ip_version": 4,
        "cidr": "10.0.0.0/24",
    }
    subnet |= {"enable_dhcp": True, "cursor": 2}
    connection.execute(sa.insert(schema.subnets).values(**subnet, created_at=1.0, updated_at=1.0))
    plain = {"network_uuid": "net", "project_id": "p"}
    ports.add(connection, [{**plain, "uuid": "bound", "mac": "b", "instance_uuid": ACTIVE, "device_id": ACTIVE}], [])
    ports.add(connection, [{**plain, "uuid": "free", "mac": "f"}], [])
    (row,) = connection.execute(sa.select(schema.subnets))
    addresses.add(connection, [("bound", row, 2), ("free", row, 3)])
    ports.refresh(connection, [ACTIVE])


def guests(**on: list[str]) -> list[HostGuests]:
    return [
        HostGuests(host=h, guests=tuple(Guest(uuid=u, name=u, power_state=1, owner=MARKER) for u in uuids))
        for h, uuids in on.items()
    ]


TRUE_GUESTS = guests(h1=[ACTIVE, BUSY], h2=[])


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/corenova.sqlite")
    schema.metadata.create_all(db.raw_writer())
    db.write("test", populate)
    yield db
    db.close()


def found(db: Database, **told: object) -> list[tuple[str, str]]:
    findings = db.read(lambda connection: audit.check(connection, **{"guests": TRUE_GUESTS, **told}))
    return [(finding.invariant, finding.subject) for finding in findings]


def test_a_clean_database_has_no_findings(db):
    assert found(db) == []
    assert audit.audit(db, lambda: TRUE_GUESTS, look_at_processes=list) == audit.Report(findings=[], skipped=[])


def the(uuid: str, **values: object) -> sa.Update:
    return sa.update(ROWS).where(ROWS.c.uuid == uuid).values(**values)


def event(uuid: str, **values: object) -> sa.Insert:
    return sa.insert(schema.instance_action_events).values(
        instance_uuid=uuid, request_id="r", event="e", start_time=1.0, **values
    )


H1 = INV.c.host == "h1"
VCPU = INV.c.resource_class == "VCPU"
PORTS, GIVEN = schema.ports, schema.port_addresses
FREE = PORTS.c.uuid == "free"
FAULTS, ACTIONS_T, DECISIONS = schema.instance_faults, schema.instance_actions, schema.decisions
OF_BOTH = '{"cpus":[2,3],"cells":{"0":{"vcpus":4,"memory_mb":128}}}'
OF_BUSY = '{"cpus":[3],"cells":{"0":{"vcpus":2,"memory_mb":64}}}'
BROKEN = {
    "a step that is none": ("I1", ACTIVE, [the(ACTIVE, step="dance", task_state="x", lease_until=9e9)]),
    "a vm_state that is none": ("I1", ACTIVE, [the(ACTIVE, vm_state="dancing")]),
    "a task without a step": ("I1", ACTIVE, [the(ACTIVE, task_state="rebooting")]),
    "an owner without a step": ("I1", ACTIVE, [the(ACTIVE, owner="somebody")]),
    "building for ever": ("I1", ERROR, [the(ERROR, vm_state="building")]),
    "deleted with a step": ("I1", GONE, [the(GONE, step="delete", lease_until=9e9)]),
    "deleted by half": ("I1", GONE, [the(GONE, vm_state="active")]),
    "deleted by the other half": ("I1", ERROR, [the(ERROR, vm_state="deleted")]),
    "scheduled while active": ("I1", NEW, [the(NEW, vm_state="active")]),
    "built while not building": ("I1", BUSY, [the(BUSY, step="build")]),
    "the task of another step": ("I1", BUSY, [the(BUSY, task_state="powering-off")]),
    "a step of a host without one": ("I1", NEW, [the(NEW, step="build")]),
    "work that nobody takes up": ("I1", BUSY, [the(BUSY, lease_until=1.0)]),
    "a claim too small": ("I2", ACTIVE, [
        sa.update(A).where(A.c.instance_uuid == ACTIVE, A.c.resource_class == "VCPU").values(used=1),
        sa.update(INV).where(H1, VCPU).values(used=INV.c.used - 1),
    ]),
    "a claim too few": ("I2", ACTIVE, [
        sa.delete(A).where(A.c.instance_uuid == ACTIVE, A.c.resource_class == "CUSTOM_X"),
        sa.update(INV).where(H1, INV.c.resource_class == "CUSTOM_X").values(used=INV.c.used - 1),
    ]),
    "a claim on another host": ("I2", ACTIVE, [
        sa.update(A).where(A.c.instance_uuid == ACTIVE).values(host="h2"),
        sa.update(INV).values(used=sa.select(sa.func.coalesce(sa.func.sum(A.c.used), 0)).where(
            A.c.host == INV.c.host, A.c.resource_class == INV.c.resource_class).scalar_subquery()),
    ]),
    "a claim without a host": ("I2", NEW, [
        sa.insert(A).values(instance_uuid=NEW, resource_class="VCPU", host="h2", used=1),
        sa.update(INV).where(INV.c.host == "h2", VCPU).values(used=1),
    ]),
    "a claim of a deleted instance": ("I2", GONE, [
        sa.insert(A).values(instance_uuid=GONE, resource_class="VCPU", host="h2", used=1),
        sa.update(INV).where(INV.c.host == "h2", VCPU).values(used=1),
    ]),
    "a claim of nobody": ("I2", "nobody", [
        sa.insert(A).values(instance_uuid="nobody", resource_class="VCPU", host="h2", used=1),
        sa.update(INV).where(INV.c.host == "h2", VCPU).values(used=1),
    ]),
    "a spec that cannot be read": ("I2", ACTIVE, [the(ACTIVE, spec="{")]),
    "used too high": ("I3", "h1 VCPU", [sa.update(INV).where(H1, VCPU).values(used=INV.c.used + 1)]),
    "used by nobody": ("I3", "h2 VCPU", [sa.update(INV).where(INV.c.host == "h2", VCPU).values(used=1)]),
    "overcommitted": ("I3", "h1 VCPU", [sa.update(INV).where(H1, VCPU).values(capacity=3)]),
    "no claim of a wish": ("I2", ACTIVE, [
        sa.delete(CLAIMS).where(CLAIMS.c.instance_uuid == ACTIVE),
        sa.update(TOPOLOGIES).where(TOPOLOGIES.c.host == "h1").values(
            used=sa.func.replace(TOPOLOGIES.c.used, OF_BOTH, OF_BUSY)),
    ]),
    "a topology of nobody": ("I2", "nobody", [
        sa.insert(CLAIMS).values(instance_uuid="nobody", host="h2", claim="{}"),
    ]),
    "a topology used by nobody": ("I3", "h2 topology", [
        sa.update(TOPOLOGIES).where(TOPOLOGIES.c.host == "h2").values(used='{"cpus":[2]}'),
    ]),
    "a CPU given twice": ("I3", "h1 topology", [
        sa.update(CLAIMS).where(CLAIMS.c.instance_uuid == BUSY).values(
            claim=sa.select(CLAIMS.c.claim).where(CLAIMS.c.instance_uuid == ACTIVE).scalar_subquery()),
        sa.update(TOPOLOGIES).where(TOPOLOGIES.c.host == "h1").values(
            used=sa.func.replace(TOPOLOGIES.c.used, "[2,3]", "[2]")),
    ]),
    "no inventory": ("I3", "h1 VCPU", [sa.delete(INV).where(H1, VCPU)]),
    "quota of a project": ("I5", "p", [sa.update(Q).values(cores=1)]),
    "quota of groups": ("I5", "p", [sa.update(Q).values(server_groups=0)]),
    "quota of nobody": ("I5", "q", [sa.insert(Q).values(project_id="q", instances=1)]),
    "no quota row": ("I5", "p", [sa.delete(Q)]),
    "a decision of nobody": ("I6", "nobody", [
        sa.insert(DECISIONS).values(instance_uuid="nobody", created_at=1.0, decision="{}"),
    ]),
    "a decision of a deleted instance": ("I6", GONE, [
        sa.insert(DECISIONS).values(instance_uuid=GONE, created_at=1.0, decision="{}"),
    ]),
    "a fault of nobody": ("I6", "nobody", [
        sa.insert(FAULTS).values(instance_uuid="nobody", code=500, message="x", created_at=1.0),
    ]),
    "an action of nobody": ("I6", "nobody", [
        sa.insert(ACTIONS_T).values(
            instance_uuid="nobody", request_id="r", action="stop", start_time=1.0, updated_at=1.0
        ),
    ]),
    "an event of nobody": ("I6", "nobody", [event("nobody", finish_time=1.0, result="Success")]),
    "a port of nobody": ("I6", "free", [sa.update(PORTS).where(FREE).values(instance_uuid="nobody")]),
    "a port of a deleted instance": ("I6", "free", [sa.update(PORTS).where(FREE).values(instance_uuid=GONE)]),
    "a port that its server does not know": ("I6", BUSY, [sa.update(PORTS).where(FREE).values(instance_uuid=BUSY)]),
    "a port that has left its server": ("I6", ACTIVE, [sa.update(PORTS).values(instance_uuid=None)]),
    "another address than the server's": ("I6", ACTIVE, [
        sa.update(GIVEN).where(GIVEN.c.port_uuid == "bound").values(address="10.0.0.9"),
    ]),
    "an address of nobody": ("I6", "nobody", [
        sa.update(GIVEN).where(GIVEN.c.port_uuid == "free").values(port_uuid="nobody"),
    ]),
    "an address given twice": ("I6", "net 10.0.0.2", [
        sa.insert(GIVEN).values(subnet_uuid="other", position=2, address="10.0.0.2", port_uuid="free"),
    ]),
    "a spec of a deleted instance": ("I6", GONE, [the(GONE, spec="{}")]),
    "no create action": ("I7", ACTIVE, [
        sa.delete(ACTIONS_T).where(ACTIONS_T.c.instance_uuid == ACTIVE),
    ]),
    "an error without a fault": ("I7", ERROR, [sa.delete(FAULTS)]),
    "an error without words": ("I7", ERROR, [sa.update(FAULTS).values(message="  ")]),
    "a failure that the action hides": ("I7", ERROR, [sa.update(ACTIONS_T).values(message=None)]),
    "an end without a result": ("I7", ACTIVE, [event(ACTIVE, finish_time=1.0)]),
    "a result without an end": ("I7", BUSY, [event(BUSY, result="Success")]),
    "an event that never ends": ("I7", ACTIVE, [event(ACTIVE)]),
    "past its deadline": ("I8", NEW, [the(NEW, deadline=1.0)]),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_database_has_exactly_its_finding(db, case):
    invariant, subject, statements = BROKEN[case]

    def spoil(connection: sa.Connection) -> None:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0

    db.write("test", spoil)
    assert found(db) == [(invariant, subject)]


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        (guests(h1=[BUSY], h2=[]), ACTIVE),  # missing
        (guests(h1=[ACTIVE, BUSY], h2=["nobody"]), "nobody"),
        (guests(h1=[ACTIVE, BUSY, GONE], h2=[]), GONE),
        (guests(h1=[BUSY], h2=[ACTIVE]), ACTIVE),  # in the wrong place
        (guests(h1=[ACTIVE, BUSY], h2=[ACTIVE]), ACTIVE),  # twice
        (guests(h1=[ACTIVE, BUSY], h2=[NEW]), NEW),
    ],
)
def test_guests_are_those_of_the_rows(db, told, subject):
    assert found(db, guests=told) == [("I4", subject)]


@pytest.mark.parametrize(
    "told",
    [
        None,
        guests(h2=[]),  # the compute of h1 does not answer
        guests(h1=[ACTIVE], h2=[]),  # the guest of a row with work may come and go
    ],
)
def test_guests_that_nobody_told_of_are_not_missed(db, told):
    assert found(db, guests=told) == []


def test_a_guest_of_another_deployment_is_found(db):
    db.write("test", lambda connection: deployment.put(connection, "id", "another"))
    assert found(db) == [("I4", ACTIVE), ("I4", BUSY)]


def test_processes_are_bounded(db):
    facts = audit.ProcessFacts
    told = [facts(kind="api", address="a", threads=5, open_files=99999), facts(kind="api", address="b", threads=9999)]
    assert found(db, processes=told) == [("I9", "api a open_files"), ("I9", "api b threads")]


@pytest.mark.parametrize("silence", [{"forced_down": True}, {"last_seen_at": 1.0}, {"updated_at": 4e9}])
def test_nothing_is_late_while_no_conductor_is_there_to_take_it_up(db, silence):
    conductor = schema.services.c.binary == services.CONDUCTOR
    db.write("test", lambda c: c.execute(sa.update(schema.services).where(conductor).values(**silence)))
    db.write("test", lambda c: c.execute(the(BUSY, lease_until=1.0, deadline=1.0)))
    assert found(db) == []
    report = audit.audit(db, lambda: TRUE_GUESTS, look_at_processes=list)
    assert [sentence[:23] for sentence in report.skipped] == ["I1 leases, I8 deadlines"]


def test_lateness_is_judged_at_the_given_moment(db):
    now = time.time()
    assert found(db, now=now + 20) == []
    assert ("I1", NEW) in found(db, now=now + 40)


def test_only_what_two_looks_have_seen_counts(db):
    looks = iter([guests(h1=[ACTIVE, BUSY], h2=["starting"]), guests(h1=[ACTIVE, BUSY], h2=["ending"])])
    assert audit.audit(db, lambda: next(looks), pause_s=0).findings == []
    report = audit.audit(db, lambda: guests(h1=[ACTIVE, BUSY, "x"], h2=[]), pause_s=0)
    assert [(f.invariant, f.subject) for f in report.findings] == [("I4", "x")]


def test_what_was_not_checked_is_said(db):
    def silent():
        raise Unavailable("it is too late")

    report = audit.audit(db, silent)
    assert report.findings == []
    assert report.skipped == ["I4 guests: it is too late", "I9 processes: no service answers"]
    assert "I4 guests of 1 hosts with servers" in audit.audit(db, lambda: guests(h2=[])).skipped[-1]


@pytest.mark.parametrize("url", ["postgresql_url", "mariadb_url"])
def test_it_runs_on_database_servers(request, url):
    db = Database(request.getfixturevalue(url))
    schema.metadata.create_all(db.raw_writer())
    try:
        db.write("test", populate)
        assert audit.audit(db, lambda: TRUE_GUESTS, pause_s=0).findings == []
        db.write("test", lambda c: c.execute(sa.update(INV).where(H1, VCPU).values(used=1)))
        findings = audit.audit(db, lambda: TRUE_GUESTS, pause_s=0).findings
        assert [(f.invariant, f.subject) for f in findings] == [("I3", "h1 VCPU")]
    finally:
        schema.metadata.drop_all(db.raw_writer())
        db.close()


def test_ten_thousand_servers_take_less_than_a_second(db):
    def grow(connection: sa.Connection) -> None:
        connection.execute(sa.update(INV).where(H1).values(capacity=10**6))
        (row,) = connection.execute(sa.select(ROWS).where(ROWS.c.uuid == ACTIVE)).mappings()
        plain = msgspec.structs.replace(SPEC, topology=None)
        uuids = [f"u{number}" for number in range(10_000)]
        connection.execute(
            sa.insert(ROWS),
            [{**row, "id": None, "uuid": uuid, "network_info": None, "spec": json(plain)} for uuid in uuids],
        )
        actions.record(connection, [{"instance_uuid": u, "request_id": "r", "action": "create"} for u in uuids])
        hosts.claim(connection, [("h1", plain.resources())] * len(uuids))
        hosts.allocate(connection, [(uuid, "h1", plain.resources()) for uuid in uuids])
        quotas.reserve(connection, "p", {"instances": 10_000, "cores": 20_000, "ram_mb": 640_000}, {})

    db.write("test", grow)
    told = guests(h1=[ACTIVE, BUSY, *(f"u{number}" for number in range(10_000))], h2=[])
    started = time.process_time()
    assert found(db, guests=told) == []
    took_s = time.process_time() - started
    print(f"{took_s:.3f} s")
    assert took_s < 1.0
