"""Key pairs from the outside: made, imported, listed, deleted, put into servers; and the unmodified novaclient."""

import subprocess
import threading

import cheroot.wsgi
import pytest
import sqlalchemy as sa
from keystoneauth1 import session, token_endpoint
from novaclient import client as novaclient
from novaclient import exceptions as nova_exceptions

from corenova.db import schema
from corenova.db.engine import Database

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzQZSPlEQ3R2vISUdCquMesbgr4ovva9RVtqsMfR148 ann@example.org"
FINGERPRINT = "db:30:2f:24:05:a4:3e:a6:25:6f:c4:25:99:1b:23:40"
LISTED = {"name", "public_key", "fingerprint"}


def _import(cloud, name="mine", *, mv="2.96", token="member", **more):
    body = {"keypair": {"name": name, "public_key": PUBLIC, **more}}
    return cloud.post("/os-keypairs", body, mv=mv, token=token)


def _names(cloud, **more) -> list[str]:
    return [entry["keypair"]["name"] for entry in cloud.get("/os-keypairs", **more).json["keypairs"]]


@pytest.mark.parametrize(
    ("mv", "made", "gone"), [("2.1", 200, 202), *((mv, 201, 204) for mv in ("2.2", "2.10", "2.35", "2.91", "2.92"))]
)
def test_import_show_list_delete_by_microversion(cloud, mv, made, gone):
    kind = set() if mv == "2.1" else {"type"}
    answer = _import(cloud, mv=mv)
    assert answer.status_code == made, answer.text
    key = answer.json["keypair"]
    assert set(key) == LISTED | {"user_id"} | kind
    assert (key["name"], key["public_key"], key["fingerprint"]) == ("mine", PUBLIC, FINGERPRINT)
    assert key["user_id"] == "ann"
    assert key.get("type", "ssh") == "ssh"
    (listed,) = cloud.get("/os-keypairs", mv=mv).json["keypairs"]
    assert set(listed) == {"keypair"}
    assert set(listed["keypair"]) == LISTED | kind
    shown = cloud.get("/os-keypairs/mine", mv=mv).json["keypair"]
    assert shown.items() >= key.items()
    assert set(shown) == set(key) | {"id", "created_at", "updated_at", "deleted", "deleted_at"}
    assert (shown["updated_at"], shown["deleted"], shown["deleted_at"]) == (None, False, None)
    answer = cloud.delete("/os-keypairs/mine", mv=mv)
    assert (answer.status_code, answer.content) == (gone, b"")
    missing = {"itemNotFound": {"code": 404, "message": "Keypair mine not found for user ann"}}
    for ask in (cloud.get, cloud.delete):
        assert ask("/os-keypairs/mine", mv=mv).json == missing


@pytest.mark.parametrize(
    ("mv", "change", "sentence"),
    [
        ("2.1", {"type": "ssh"}, "Additional properties are not allowed ('type' was unexpected)"),
        ("2.2", {"type": "pgp"}, "Invalid input for field/attribute type. Value: pgp."),
        ("2.9", {"user_id": "ann"}, "Additional properties are not allowed ('user_id' was unexpected)"),
        ("2.91", {"name": "ann@home"}, "Invalid input for field/attribute name. Value: ann@home."),
        ("2.92", {"name": "ann/home"}, "Invalid input for field/attribute name. Value: ann/home."),
        ("2.92", {"name": " padded"}, "An invalid 'name' value was provided."),
        ("2.92", {"name": ""}, "Invalid input for field/attribute name."),
        ("2.92", {"name": "n" * 256}, "Invalid input for field/attribute name."),
        ("2.92", {"public_key": "bad"}, "Keypair data is invalid: failed to generate fingerprint"),
        ("2.92", {"public_key": PUBLIC + " " * 16_000}, "Invalid input for field/attribute public_key."),
        ("2.92", {"type": "x509"}, "Keypair data is invalid: failed to generate X509 fingerprint. Error message:"),
        ("2.92", {"surprise": 1}, "Additional properties are not allowed ('surprise' was unexpected)"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(cloud, mv, change, sentence):
    answer = _import(cloud, **{"mv": mv, "name": "mine"} | change)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.json["badRequest"]["message"]
    assert _names(cloud) == []


def test_names_have_more_characters_from_2_92(cloud):
    assert _import(cloud, "ann.home@example.org").status_code == 201
    assert cloud.get("/os-keypairs/ann.home@example.org").json["keypair"]["name"] == "ann.home@example.org"
    assert cloud.delete("/os-keypairs/ann.home@example.org").status_code == 204


@pytest.mark.parametrize(("mv", "kind"), [("2.1", None), ("2.2", "ssh"), ("2.91", None), ("2.91", "x509")])
def test_without_a_public_key_one_is_made_below_2_92(cloud, mv, kind):
    body = {"keypair": {"name": "new"} | ({"type": kind} if kind else {})}
    key = cloud.post("/os-keypairs", body, mv=mv).json["keypair"]
    assert set(key) == LISTED | {"user_id", "private_key"} | (set() if mv == "2.1" else {"type"})
    shown = cloud.get("/os-keypairs/new", mv=mv).json["keypair"]
    assert "private_key" not in shown
    assert (shown["public_key"], shown["fingerprint"]) == (key["public_key"], key["fingerprint"])
    stored = cloud.db.read(lambda c: str(c.execute(sa.select(schema.keypairs)).all()))
    assert key["private_key"] not in stored


def test_the_private_half_is_one_that_ssh_can_use(cloud, tmp_path):
    key = cloud.post("/os-keypairs", {"keypair": {"name": "new"}}, mv="2.1").json["keypair"]
    file = tmp_path / "id"
    file.touch(0o600)
    file.write_text(key["private_key"])
    public = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True).stdout
    assert public.split()[:2] == key["public_key"].split()[:2]


def test_from_2_92_the_public_key_is_required(cloud):
    answer = cloud.post("/os-keypairs", {"keypair": {"name": "new"}}, mv="2.92")
    assert answer.status_code == 400
    assert "'public_key' is a required property" in answer.json["badRequest"]["message"]


def test_a_name_is_taken_once_by_each_user(cloud):
    assert _import(cloud).status_code == 201
    taken = {"conflictingRequest": {"code": 409, "message": "Key pair 'mine' already exists."}}
    assert _import(cloud).json == taken
    assert _import(cloud, token="stranger").status_code == 201


def test_there_is_a_quota_of_a_user(cloud):
    cloud.conf.set_override("key_pairs", 2, group="quota")
    assert [_import(cloud, name).status_code for name in ("a", "b", "c")] == [201, 201, 403]
    assert _import(cloud, "c").json == {"forbidden": {"code": 403, "message": "Quota exceeded, too many key pairs."}}
    assert _import(cloud, "a", token="stranger").status_code == 201
    assert cloud.delete("/os-keypairs/a").status_code == 204
    assert _import(cloud, "c").status_code == 201
    assert cloud.get("/limits").json["limits"]["absolute"]["maxTotalKeypairs"] == 2
    cloud.conf.set_override("key_pairs", -1, group="quota")
    assert _import(cloud, "d").status_code == 201


def test_others_keys_are_not_there(cloud):
    _import(cloud)
    for ask in (cloud.get, cloud.delete):
        assert ask("/os-keypairs/mine", token="stranger").status_code == 404
        assert ask("/os-keypairs/mine", token="admin").status_code == 404
    assert _names(cloud, token="stranger") == []
    # Another user of the same project is another user; and a reader's keys are its own.
    assert _names(cloud, token="reader") == []
    assert _import(cloud, token="reader").status_code == 201


def test_an_administrator_names_another_user_from_2_10(cloud):
    theirs = {"query_string": "user_id=ann"}
    assert _import(cloud, token="admin", mv="2.10", user_id="ann").json["keypair"]["user_id"] == "ann"
    assert _names(cloud) == ["mine"]
    assert _names(cloud, token="admin") == []
    assert _names(cloud, token="admin", **theirs) == ["mine"]
    assert _names(cloud, token="admin", mv="2.9", **theirs) == []
    assert cloud.get("/os-keypairs/mine", token="admin", **theirs).json["keypair"]["user_id"] == "ann"
    assert _names(cloud, **theirs) == ["mine"], "oneself one may name"
    rule = "Policy doesn't allow os_compute_api:os-keypairs:{} to be performed."
    for ask, action in ((cloud.get, "show"), (cloud.delete, "delete")):
        refused = ask("/os-keypairs/mine", token="stranger", **theirs)
        assert refused.json == {"forbidden": {"code": 403, "message": rule.format(action)}}
    assert cloud.get("/os-keypairs", token="stranger", **theirs).status_code == 403
    assert _import(cloud, "other", token="stranger", user_id="ann").status_code == 403
    assert cloud.delete("/os-keypairs/mine", token="admin", **theirs).status_code == 204
    assert _names(cloud) == []


def test_lists_have_pages_from_2_35(cloud):
    for name in ("c", "a", "b"):
        _import(cloud, name)
    first = cloud.get("/os-keypairs", query_string="limit=2", mv="2.35").json
    assert [entry["keypair"]["name"] for entry in first["keypairs"]] == ["a", "b"]
    href = "http://cloud.example/compute/v2.1/os-keypairs?limit=2&marker=b"
    assert first["keypairs_links"] == [{"rel": "next", "href": href}]
    last = cloud.get("/os-keypairs", query_string="limit=2&marker=b", mv="2.35").json
    assert [entry["keypair"]["name"] for entry in last["keypairs"]] == ["c"]
    assert "keypairs_links" not in last
    cloud.conf.set_override("max_limit", 2, group="api")
    assert _names(cloud) == ["a", "b"]
    assert "keypairs_links" not in cloud.get("/os-keypairs", query_string="limit=2", mv="2.34").json
    assert _names(cloud, query_string="limit=1", mv="2.34") == ["a", "b", "c"]
    unknown = cloud.get("/os-keypairs", query_string="marker=x")
    assert unknown.json == {"badRequest": {"code": 400, "message": "Marker x could not be found."}}
    assert cloud.get("/os-keypairs", query_string="what=1").status_code == 400
    assert cloud.get("/os-keypairs", query_string="what=1", mv="2.74").status_code == 200
    assert cloud.get("/os-keypairs/a", query_string="limit=1").status_code == 400


def test_a_create_whose_commit_was_not_confirmed_is_no_duplicate(cloud, monkeypatch):
    """The database has it, the answer got lost, the transaction is run again: the private half must reach its user."""
    once = Database._write_once
    runs = []

    def lost(db, name, work):
        result = once(db, name, work)
        runs.append(name)
        if runs == ["api.keypair_create"]:
            from oslo_db import exception

            raise exception.DBConnectionError(OSError("gone"))
        return result

    monkeypatch.setattr(Database, "_write_once", lost)
    answer = cloud.post("/os-keypairs", {"keypair": {"name": "new"}}, mv="2.2")
    assert answer.status_code == 201, answer.text
    assert runs == ["api.keypair_create"] * 2
    assert cloud.get("/os-keypairs/new").json["keypair"]["public_key"] == answer.json["keypair"]["public_key"]


def _key_data(cloud, server_id: str) -> str | None:
    row = sa.select(schema.instances.c.key_data).where(schema.instances.c.uuid == server_id)
    return cloud.db.read(lambda c: c.execute(row).scalar())


def test_a_server_keeps_the_key_that_it_was_made_with(cloud):
    _import(cloud)
    server_id = cloud.active(key_name="mine")
    bare_id = cloud.active("bare")
    cloud.delete("/os-keypairs/mine")
    cloud.post("/os-keypairs", {"keypair": {"name": "mine"}}, mv="2.2")
    assert cloud.get(f"/servers/{server_id}").json["server"]["key_name"] == "mine"
    assert _key_data(cloud, server_id) == PUBLIC
    assert cloud.get(f"/servers/{bare_id}").json["server"]["key_name"] is None
    assert _key_data(cloud, bare_id) is None


def test_a_server_cannot_have_a_key_of_somebody_else(cloud):
    _import(cloud, token="stranger")
    server = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1", "networks": "none"}
    answer = cloud.post("/servers", {"server": server | {"key_name": "mine"}})
    assert answer.json == {"badRequest": {"code": 400, "message": "Invalid key_name provided."}}
    assert cloud.get("/servers").json == {"servers": []}


@pytest.fixture
def url(cloud):
    """Serve the API over real HTTP and return its endpoint."""
    server = cheroot.wsgi.Server(("127.0.0.1", 0), cloud.app)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield f"http://127.0.0.1:{server.bind_addr[1]}/compute/v2.1"
    server.stop()
    thread.join()


def _nova(url: str, version: str, token: str = "member"):
    return novaclient.Client(version, session=session.Session(auth=token_endpoint.Token(url, token)))


def test_novaclient(cloud, url):
    nova = _nova(url, "2.91")
    made = nova.keypairs.create("made")
    assert made.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert nova.keypairs.create("cert", key_type="x509").type == "x509"
    nova = _nova(url, "2.92")
    nova.keypairs.create("ann@home", public_key=PUBLIC)
    with pytest.raises(nova_exceptions.Conflict):
        nova.keypairs.create("ann@home", public_key=PUBLIC)
    assert [key.name for key in nova.keypairs.list()] == ["ann@home", "cert", "made"]
    assert [key.name for key in nova.keypairs.list(marker="ann@home", limit=1)] == ["cert"]
    assert nova.keypairs.get("ann@home").fingerprint == FINGERPRINT
    admin = _nova(url, "2.92", "admin")
    assert len(admin.keypairs.list(user_id="ann")) == 3
    admin.keypairs.delete("cert", user_id="ann")
    nova.keypairs.delete("made")
    assert [key.name for key in _nova(url, "2.1").keypairs.list()] == ["ann@home"]
