"""corenova-manage what-if: the answers of the API and the scheduler, and not a row changes."""

import hashlib

import pytest
import sqlalchemy as sa

from corenova.cmd import seeds
from corenova.db import aggregates, flavors, groups, hosts, migrate, schema, services
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.request_spec import Flavor
from tests.functional.manage.conftest import Deployment

IN_PROCESS = True
GROUP = "22222222-2222-4222-8222-222222222222"
SIZES = {"h1": (8, 16384), "h2": (4, 8192), "h3": (4, 8192)}
BIG = Flavor(flavorid="big", name="m9.big", vcpus=6, memory_mb=20000, root_gb=1)
CHOOSY = Flavor(
    flavorid="c", name="choosy", vcpus=1, memory_mb=64, root_gb=1, extra_specs={"capabilities:hypervisor_type": "xen"}
)


@pytest.fixture
def fleet(deployment) -> Deployment:
    """Three hosts that are up, one of them in the zone east."""
    db = deployment.database()
    migrate.upgrade(db)
    from corenova.identity import seed

    seed.seed(db)
    seeds.plant(db)
    db.write("test", _populate)
    db.close()
    return deployment


def _populate(connection):
    services.register(
        connection, binary=services.COMPUTE, hosts=list(SIZES), address="c1", incarnation="1", version="1"
    )
    reports = [
        HostReport(
            host=name,
            hypervisor_type="fake",
            hypervisor_version=1,
            inventories={
                "VCPU": Inventory(total=vcpus), "MEMORY_MB": Inventory(total=ram_mb), "DISK_GB": Inventory(total=100)
            },
        )
        for name, (vcpus, ram_mb) in SIZES.items()
    ]  # fmt: skip
    hosts.report(connection, reports)
    flavors.create(connection, BIG)
    flavors.create(connection, CHOOSY)
    east = aggregates.create(connection, name="east", zone="east")
    aggregates.add_host(connection, east.id, "h3")
    groups.create(
        connection, uuid=GROUP, project_id="p", user_id="u", name="g", policy="anti-affinity", rules={}, limit=-1
    )


def _everything(deployment):
    """All rows of all tables, and the file's bytes."""
    db = deployment.database()
    rows = db.read(
        lambda c: {t.name: [tuple(r) for r in c.execute(sa.select(t))] for t in schema.metadata.tables.values()}
    )
    db.close()
    return rows, hashlib.sha256(deployment.file.read_bytes()).hexdigest()


def test_it_tells_where_and_writes_nothing(fleet):
    before = _everything(fleet)
    told = fleet.json(
        "what-if", "--flavor", "m1.small", "--image", "cirros", "--count", "2", "--hint", f"group={GROUP}"
    )
    assert (told["count"], told["placed"], told["nothing_fits"]) == (2, 2, None)
    first, second = told["placements"]
    assert (first["host"], first["zone"], first["alternates"][0][0]) == ("h1", "nova", second["host"])
    assert first["weights"]["total"] > 0 and "RAMWeigher" in first["weights"]
    assert {stage["name"]: stage["passed"] for stage in first["stages"]}["Capacity"] == 3
    fleet.json("what-if", "--flavor", "big", code=1)
    fleet.manage("what-if", "--flavor", "1", "--count", "20")
    assert _everything(fleet) == before


def test_it_tells_why_nowhere_and_what_would_help(fleet):
    told = fleet.json("what-if", "--flavor", "m9.big", "--zone", "east", code=1)
    nothing = told["nothing_fits"]
    assert (told["placed"], nothing["host"]) == (0, None)
    assert nothing["summary"].startswith("No valid host was found. Of 3 hosts, AvailabilityZone refused 2, ")
    assert {one["reason"] for one in nothing["rejections"] if one["host"] == "h3"} == {
        "4 VCPU free, 6 asked; 8192 MEMORY_MB free, 20000 asked"
    }
    (smaller, *_) = nothing["remedies"]
    assert (smaller["kind"], smaller["amounts"]) == ("reduce", {"VCPU": 4, "MEMORY_MB": 8192})


def test_of_many_it_tells_how_many_fit(fleet):
    told = fleet.json("what-if", "--flavor", "2", "--count", "20", code=1)
    assert (told["placed"], told["nothing_fits"]["remedies"][0]["sentence"]) == (16, "16 of 20 fit: ask for 16.")


def test_for_the_eye(fleet):
    done = fleet.manage("what-if", "--flavor", "1", "--count", "2")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "2 of 2 would be placed, on 2 hosts."
    assert lines[2].split()[:3] == ["SERVER", "HOST", "ZONE"]
    assert lines[3].split()[:3] == ["1", "h1", "nova"]
    done = fleet.manage("what-if", "--flavor", "choosy")
    assert done.returncode == 1
    assert (
        "Without the flavor's extra spec capabilities:hypervisor_type = xen (ComputeCapabilitiesFilter)" in done.stdout
    )


def test_a_host_of_choice_and_a_group_that_is_full(fleet):
    assert fleet.json("what-if", "--flavor", "1", "--zone", "nova:h2")["placements"][0]["host"] == "h2"
    told = fleet.json("what-if", "--flavor", "1", "--count", "4", "--hint", f"group={GROUP}", code=1)
    assert told["placed"] == 3
    assert {remedy["kind"] for remedy in told["nothing_fits"]["remedies"]} >= {"fewer", "group", "host"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--flavor", "nano"), "Flavor nano could not be found."),
        (("--flavor", "1", "--image", "nobody"), "There is no image nobody."),
        (("--flavor", "1", "--image", GROUP), "Can not find requested image"),
        (("--flavor", "1", "--zone", "mars"), "The requested availability zone is not available"),
        (("--flavor", "1", "--zone", "nova:h9"), "Compute host h9 could not be found."),
        (("--flavor", "1", "--hint", "group"), "--hint group: write key=value"),
        (("--flavor", "1", "--hint", "group=x"), "'x' is not"),
        (("--flavor", "1", "--hint", f"group={GROUP[:-1]}3"), "could not be found"),
        (("--flavor", "1", "--hint", "different_host=x"), "'x' is not"),
        (("--flavor", "1", "--count", "0"), "0"),
        (("--flavor", "1", "--count", "many"), "invalid int value: 'many'"),
        (("--flavor", "1", "--count", "10001"), "at most 10000 servers"),
        (("--flavor", "1", "--project", "nobody"), "There is no project nobody."),
        (("--image", "cirros"), "--flavor"),
    ],
)
def test_what_the_api_would_refuse_is_one_line(fleet, args, words):
    assert words in fleet.refused("what-if", *args)


def test_a_deployment_without_a_database(deployment):
    assert "There is nothing yet" in deployment.refused("what-if", "--flavor", "1")
    assert not deployment.state.exists()


def test_the_plug_ins_and_options_of_the_ini_decide(fleet):
    fleet.write_ini("[filter_scheduler]\nram_weight_multiplier = -1.0\ncpu_weight_multiplier = -1.0\n")
    assert fleet.json("what-if", "--flavor", "1")["placements"][0]["host"] == "h2"
    fleet.write_ini("[filter_scheduler]\nenabled_filters = NoSuchFilter\n")
    assert "NoSuchFilter" in fleet.refused("what-if", "--flavor", "1")
