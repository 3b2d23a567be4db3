"""What holds for every request: tokens, microversions, headers, bodies, errors, and the route table itself."""

import logging

import pytest

from corenova.api.microversions import LATEST
from corenova.api.routes import ACTIONS, ROUTES
from corenova.exceptions import Unavailable

ROWS = [*ROUTES, *ACTIONS]
_NAMES = [f"{getattr(row, 'method', 'POST')} {row.path} {getattr(row, 'key', '')}".strip() for row in ROWS]
_FIELDS = {
    "server_id": "aaaaaaaa-0000-4000-8000-00000000dead", "request_id": "req-1", "flavor_id": "nope", "key": "k",
    "service_id": "aaaaaaaa-0000-4000-8000-00000000dead", "hypervisor_id": "aaaaaaaa-0000-4000-8000-00000000dead",
    "group_id": "aaaaaaaa-0000-4000-8000-00000000dead", "aggregate_id": "99", "project_id": "p-one", "alias": "nope",
    "resource_class": "CUSTOM_X", "keypair_name": "nope", "network_label": "nope", "port_id": "nope",
    "volume_id": "nope", "plugin": "nope", "path": "n/o",
}  # fmt: skip
_BODIES = {
    "/servers/{server_id}/os-interface": {"interfaceAttachment": {}},
    "/servers/{server_id}/os-volume_attachments": {"volumeAttachment": {"volumeId": "v"}},
}
_OF_ADMINS = ("os-resetState", "migrate", "os-migrateLive", "evacuate")
_IMAGE = "aaaaaaaa-0000-4000-8000-000000000001"


def _path(row) -> str:
    return row.path.format(**_FIELDS)


def _send(cloud, row, **more):
    body = {row.key: {}} if hasattr(row, "key") else {}
    method = getattr(row, "method", "POST")
    return cloud.request(method, _path(row), body if method in ("POST", "PUT") else None, mv=f"2.{row.until}", **more)


@pytest.mark.parametrize("row", ROWS, ids=_NAMES)
def test_every_row_has_a_registered_rule_and_a_documented_handler(cloud, row):
    assert row.rule in cloud.services.enforcer.registered
    assert row.handler.__doc__
    assert 1 <= row.since <= row.until <= LATEST


@pytest.mark.parametrize("row", ROWS, ids=_NAMES)
def test_every_row_asks_for_a_token_and_for_permission(cloud, row):
    for token in (None, "forged"):
        answer = _send(cloud, row, token=token)
        assert answer.status_code == 401
        assert answer.json["unauthorized"]["code"] == 401
        assert answer.headers["www-authenticate"] == 'Keystone uri="http://cloud.example/v3"'
    assert _send(cloud, row, token="unscoped").status_code == 403


@pytest.mark.parametrize("row", ROWS, ids=_NAMES)
def test_no_row_answers_nonsense_with_500(cloud, row):
    for token in ("admin", "reader"):
        answer = _send(cloud, row, token=token)
        assert answer.status_code < 500, answer.text
        assert answer.headers["x-compute-request-id"] == answer.headers["x-openstack-request-id"]


OF_A_SERVER = [row for row in ROWS if "{server_id}" in row.path]


@pytest.mark.parametrize("row", OF_A_SERVER, ids=[name for name in _NAMES if "{server_id}" in name])
def test_a_strangers_server_is_not_found(cloud, row):
    path = row.path.format(**_FIELDS | {"server_id": cloud.active()})
    bodies = {
        "reboot": {"type": "HARD"},
        "os-resetState": {"state": "active"},
        "rebuild": {"imageRef": _IMAGE},
        "createImage": {"name": "copy"},
        "addSecurityGroup": {"name": "default"},
        "removeSecurityGroup": {"name": "default"},
    }
    body = {row.key: bodies.get(row.key)} if hasattr(row, "key") else _BODIES.get(row.path, {"server": {}})
    answer = cloud.request(
        getattr(row, "method", "POST"), path, None if getattr(row, "method", "") == "GET" else body, token="stranger"
    )
    # What only administrators may do is refused before anything is looked for.
    for_admins = getattr(row, "key", "") in _OF_ADMINS or row.path.endswith(("/diagnostics", "addresses"))
    assert answer.status_code == (403 if for_admins else 404), answer.text


def test_versions_need_no_token(cloud):
    client = cloud._client
    for path in ("/compute", "/compute/"):
        answer = client.simulate_get(path)
        assert answer.status_code == 300
        assert answer.json["versions"][0]["version"] == "2.96"
    for path in ("/compute/v2.1", "/compute/v2.1/"):
        version = client.simulate_get(path, headers={"Host": "cloud.example"}).json["version"]
        assert (version["id"], version["min_version"], version["version"]) == ("v2.1", "2.1", "2.96")
        assert version["links"][0]["href"] == "http://cloud.example/compute/v2.1/"


def test_microversions_are_echoed(cloud):
    answer = cloud.get("/servers", mv="2.15")
    assert answer.headers["openstack-api-version"] == "compute 2.15"
    assert answer.headers["x-openstack-nova-api-version"] == "2.15"
    assert answer.headers["vary"] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version"
    assert cloud.get("/servers", mv=None).headers["openstack-api-version"] == "compute 2.1"
    assert cloud.get("/servers", mv="latest").headers["openstack-api-version"] == "compute 2.96"
    legacy = cloud.get("/servers", mv=None, headers={"X-OpenStack-Nova-API-Version": "2.9"})
    assert legacy.headers["openstack-api-version"] == "compute 2.9"
    other = cloud.get("/servers", mv=None, headers={"OpenStack-API-Version": "identity 3.1"})
    assert other.headers["openstack-api-version"] == "compute 2.1"
    missing = cloud.get("/servers/nope", mv="2.15")
    assert missing.headers["openstack-api-version"] == "compute 2.15"


@pytest.mark.parametrize(
    ("mv", "code", "name"),
    [("2.97", 406, "computeFault"), ("3.1", 406, "computeFault"), ("2.0", 406, "computeFault"),
     ("two", 400, "badRequest"), ("2.01", 400, "badRequest"), ("2", 400, "badRequest")],
)  # fmt: skip
def test_bad_microversions(cloud, mv, code, name):
    answer = cloud.get("/servers", mv=mv)
    assert answer.status_code == code
    assert answer.json[name]["code"] == code


def test_what_there_is_not_is_404_in_novas_form(cloud):
    for method, path in (
        ("GET", "/nonsense"), ("PATCH", "/servers"), ("DELETE", "/servers"), ("PUT", "/servers/x/action"),
        ("HEAD", "/servers"), ("OPTIONS", "/servers"), ("TRACE", "/servers"), ("GET", "/servers/"),
        ("GET", "/os-networks"),
    ):  # fmt: skip
        answer = cloud.request(method, path)
        assert answer.status_code == 404, (method, path)
        if method != "HEAD":
            assert answer.json["itemNotFound"]["code"] == 404
    assert cloud.request("GET", "/nonsense", token=None).status_code == 401


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"[]", {}, 400),
        (b"null", {}, 400),
        (b"{}", {"Content-Type": "text/plain"}, 400),
        (b"<a/>", {"Content-Type": "application/xml"}, 415),
        (b'{"server": ' + b"[" * 20000 + b"]" * 20000 + b"}", {}, 400),
        (b" " * 114689, {}, 413),
        (b" " * 114688, {}, 400),
    ],
)
def test_bad_bodies(cloud, body, headers, code):
    answer = cloud.request("POST", "/servers", body, headers=headers)
    assert answer.status_code == code, answer.text
    assert next(iter(answer.json.values()))["code"] == code


def test_a_chunked_body_is_bounded_too(cloud):
    answer = cloud.request(
        "POST", "/servers", b" " * 200_000, headers={"Transfer-Encoding": "chunked", "Content-Length": ""}
    )
    assert answer.status_code == 413
    assert answer.json["overLimit"]["code"] == 413


def test_our_own_faults_keep_their_words_inside(cloud, monkeypatch, caplog):
    def explode(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(cloud.services.db, "read", explode)
    with caplog.at_level(logging.ERROR):
        answer = cloud.get("/servers")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.headers["x-compute-request-id"] in answer.json["computeFault"]["message"]
    assert "hunter2" in caplog.text


def test_a_database_that_is_away_is_503(cloud, monkeypatch):
    def away(*_: object) -> None:
        raise Unavailable("The database cannot be reached.")

    monkeypatch.setattr(cloud.services.db, "read", away)
    answer = cloud.get("/servers")
    assert answer.json == {"serviceUnavailable": {"code": 503, "message": "The database cannot be reached."}}
    assert answer.headers["retry-after"] == "1"


def test_public_url_and_proxies_decide_links(cloud):
    from corenova.api.app import Front

    cloud.conf.set_override("enable_proxy_headers_parsing", True, group="api")
    assert Front(cloud.services)._behind_proxy
    cloud.conf.set_override("public_url", "https://cloud.example.org/", group="api")
    assert Front(cloud.services).base(None) == "https://cloud.example.org"


def test_the_policy_file_decides(cloud, tmp_path):
    from falcon import testing

    from corenova.api.app import build_app
    from corenova.policy import build_enforcer

    rules = tmp_path / "policy.yaml"
    rules.write_text('"os_compute_api:servers:index": "role:admin"\n')
    cloud.conf.set_override("policy_file", str(rules), group="oslo_policy")
    object.__setattr__(cloud.services, "enforcer", build_enforcer(cloud.conf))
    client = testing.TestClient(build_app(cloud.services))
    codes = [
        client.simulate_get("/compute/v2.1/servers", headers={"X-Auth-Token": token}).status_code
        for token in ("member", "admin")
    ]
    assert codes == [403, 200]


def test_nul_characters_reach_no_database(cloud):
    assert cloud.get("/servers/a%00b").status_code == 404
    assert cloud.get("/servers", query_string="host=%00").status_code == 400
    assert cloud.request("PUT", "/os-services/x", b'{"disabled_reason": "\\u0000"}', token="admin").status_code == 400


def test_numbers_beyond_the_database_are_refused(cloud):
    assert cloud.get("/servers", query_string=f"launch_index={'9' * 30}", token="admin").status_code == 400
    assert cloud.get(f"/os-aggregates/{'9' * 30}", token="admin").status_code == 400
    assert cloud.get("/os-server-groups", query_string=f"offset={'9' * 30}").status_code == 400
    assert len(cloud.get("/flavors", query_string="limit=2147483647").json["flavors"]) == 3
    assert cloud.get("/flavors", query_string=f"limit={'9' * 30}").status_code == 400
