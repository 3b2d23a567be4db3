"""Bad input: one line on stderr that says what is wrong and what to do, an exit code, and not a trace on the disk."""

import socket

import pytest
import sqlalchemy as sa

from corenova.db import migrate
from corenova.db.engine import Database

SINGLE = ("corenova-api", "corenova-conductor", "corenova-scheduler", "corenova-compute")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[compute]\nthreads = many\n", ("[compute] threads in ", "'many'")),
        ("[compute]\nthreads = -3\n", ("[compute] threads in ", "greater than or equal to 1")),
        ("[database]\nsqlite_durability = maybe\n", ("[database] sqlite_durability in ", "[normal, full]", "'maybe'")),
        ("enable_proxy_headers_parsing = perhaps\n", ("[api] enable_proxy_headers_parsing in ", "'perhaps'")),
        ("[fake]\nhosts = -3\n", ("fake", "hosts in ", "greater than or equal to 1")),
    ],
    ids=["int", "negative", "choice", "boolean", "of a plug-in"],
)
def test_a_value_that_cannot_be(place, text, told):
    place.write(text)
    line = place.refused()
    assert all(words in line for words in (*told, str(place.ini))), line
    assert "LocationInfo" not in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[filter_scheduler]\nenabled_filters = ComputFilter\n",
            ("[filter_scheduler] enabled_filters names ComputFilter, ", "Did you mean ComputeFilter?"),
        ),
        (
            "[filter_scheduler]\nram_weight_multiplier = nan\n",
            ("[filter_scheduler] ram_weight_multiplier = nan", "a finite number"),
        ),
        (
            "[filter_scheduler]\nweight_classes = Heavy\n",
            ("[filter_scheduler] weight_classes names Heavy, ", "Installed: ", "RAMWeigher"),
        ),
        ("[compute]\ndriver = fak\n", ("[compute] driver names fak, ", "Did you mean fake?")),
        ("[plugins]\nenabled_hooks = frob\n", ("[plugins] enabled_hooks names frob, ", "Installed: ")),
        ("[image]\nbackend = embeded\n", ("[image] backend names embeded, ", "Did you mean embedded?")),
    ],
    ids=["filter", "multiplier", "weigher", "driver", "hook", "image service"],
)
def test_a_plug_in_that_is_not_there(place, text, told):
    place.write(text)
    line = place.refused()
    assert all(words in line for words in told), line


def test_a_file_of_resources_that_cannot_be_meant(place):
    folder = place.path / "providers"
    folder.mkdir()
    (folder / "bad.yaml").write_text("meta: {schema_version: '1.0'}\nproviders: [{name: host-1}]\n")
    place.write(f"[compute]\nprovider_config_location = {folder}\n")
    line = place.refused()
    assert f"[compute] provider_config_location: {folder}/bad.yaml: " in line
    assert "unknown field `name`" in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[pci]\nalias = gpu\n", ("[pci] alias = gpu cannot be read",)),
        ('[pci]\nalias = {"name": "gpu", "vendor": "1"}\n', ("[pci] alias", "unknown field `vendor`")),
        ("[fake]\nclasses_file = /nowhere.yaml\n", ("[fake] classes_file = /nowhere.yaml cannot be read",)),
    ],
    ids=["no JSON", "an unknown key", "a file of host classes that is not there"],
)
def test_a_fleet_or_an_alias_that_cannot_be_read(place, text, told):
    place.write(text)
    line = place.refused()
    assert all(words in line for words in told), line


@pytest.mark.parametrize(
    "content", [b"[compute\n", b"threads\n", b"[DEFAULT]\nhost = \xff\n"], ids=["section", "line", "bytes"]
)
def test_a_file_that_is_no_ini_file(place, content):
    place.ini.write_bytes(content)
    line = place.refused()
    assert str(place.ini) in line or "UTF-8" in line, line


def test_a_file_that_is_not_there(place):
    line = place.refused("--config-file", place.path / "nope.conf")
    assert "nope.conf" in line
    assert "--config-file" in line


def test_an_argument_that_is_none(place):
    assert place.refused("--frob").endswith("unrecognized arguments: --frob. Try --help.")


def test_a_log_configuration_that_is_not_there(place):
    place.write(default="log_config_append = /nowhere/logging.ini")
    assert "/nowhere/logging.ini" in place.refused()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("carrier-pigeon://", "No 'oslo.messaging.drivers' driver found"),
        ("kafka://127.0.0.1:9092/", "confluent_kafka"),  # a driver that is known and lacks its library
        ("rabbit://corenova:open/sesame@bus/", "%2F"),
        ("rubbish", "No scheme"),
    ],
    ids=["kind", "library", "password", "rubbish"],
)
def test_a_bus_that_is_none(place, url, told):
    place.write(default=f"transport_url = {url}")
    line = place.refused()
    assert "[DEFAULT] transport_url = " in line
    assert told in line
    assert "rabbit://user:password@host:5672/vhost" in line
    assert "open" not in line
    assert "sesame" not in line


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("rubbish", "Could not parse"),
        ("stone://tablet:sesame@host/x", "sqlalchemy.dialects:stone"),
        ("postgresql+psycopg://corenova:sesame@127.0.0.1:1/x", "onnection refused"),
        ("sqlite:////proc/nowhere/corenova.sqlite", "/proc/nowhere cannot be made"),
    ],
    ids=["rubbish", "kind", "server", "path"],
)
def test_a_database_that_is_none(place, url, told):
    place.write(f"[database]\nconnection = {url}\n")
    line = place.refused()
    assert "[database] connection" in line
    assert told in line
    assert "sesame" not in line


def test_a_port_that_is_in_use(place):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        place.write(port=port)
        line = place.refused()
    assert "[api] bind_host, bind_port: cannot listen on 127.0.0.1:" in line
    assert str(port) in line
    assert "choose another bind_port" in line


@pytest.mark.parametrize("state", ["corenova.conf/state", "/proc/nowhere/state"], ids=["below a file", "no directory"])
def test_a_state_path_that_cannot_be_made(place, state):
    place.state = place.path / state
    place.write()
    line = place.refused()
    assert f"[DEFAULT] state_path = {place.state} cannot be used: " in line
    assert "Name a directory" in line


def _database(place, *statements: str, ours: bool = True) -> None:
    place.state.mkdir()
    db = Database(f"sqlite:///{place.state}/corenova.sqlite")
    if ours:
        migrate.upgrade(db)
        db.close()
    engine = sa.create_engine(db.url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def test_a_database_of_a_newer_version(place):
    _database(place, "UPDATE alembic_version SET version_num = '9999'")
    line = place.refused()
    assert f"{place.state}/corenova.sqlite" in line
    assert "newer corenova (schema 9999, this version knows" in line
    assert "Install that version" in line


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE orders (id INT)",),
        (
            "CREATE TABLE orders (id INT)",
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('ab12')",
        ),
    ],
    ids=["tables", "migrated by somebody"],
)
def test_a_database_of_somebody_else(place, statements):
    _database(place, *statements, ours=False)
    line = place.refused()
    assert f"{place.state}/corenova.sqlite has tables (" in line
    assert "orders" in line
    assert "not corenova's. Name another one in [database] connection." in line


def test_a_file_that_is_no_database(place):
    place.state.mkdir()
    (place.state / "corenova.sqlite").write_bytes(b"x" * 8192)
    line = place.refused()
    assert f"{place.state}/corenova.sqlite cannot be used: file is not a database" in line
    assert "restore it from a backup" in line


def test_a_damaged_database(place):
    _database(place)
    file = place.state / "corenova.sqlite"
    file.write_bytes(file.read_bytes()[:4096] + b"\xff" * 40960)
    line = place.refused()
    assert "cannot be used: " in line
    assert "malformed" in line
    assert "restore it from a backup" in line


def test_a_second_one_on_the_same_state(place):
    """It must not send clients to its own port by rewriting clouds.yaml."""
    first = place.start()
    clouds = first.clouds_yaml.read_bytes()
    _, err = place.popen().communicate(timeout=30)  # ``refused`` would see what the first one writes
    assert place.processes[-1].returncode == 1
    (line,) = err.splitlines()
    assert f"[DEFAULT] state_path = {place.state} is in use by another corenova-all. Stop that one, or" in line
    assert first.clouds_yaml.read_bytes() == clouds
    first.log_in()


@pytest.mark.parametrize("command", SINGLE)
def test_a_single_service_needs_a_bus_that_others_share(place, command):
    line = place.refused(command=command)
    assert "[DEFAULT] transport_url = local:// reaches nobody outside this process. Run corenova-all, or" in line
