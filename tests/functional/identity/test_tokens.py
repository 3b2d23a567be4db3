"""Logging in and what a token is worth, as clients see it."""

import pytest


def test_versions_are_readable_without_a_token(cloud):
    root = cloud.http.simulate_get("/")
    assert root.status_code == 300
    assert root.json["versions"]["values"][0]["links"][0]["href"] == "http://127.0.0.1:8774/v3/"
    for path in ("/v3", "/v3/"):
        shown = cloud.http.simulate_get(path)
        assert (shown.status_code, shown.json["version"]["id"][:2]) == (200, "v3")


def test_a_login_by_name_and_domain(cloud):
    response = cloud.login("demo", "demo")
    token = response.json["token"]
    assert token["methods"] == ["password"]
    assert (token["user"]["name"], token["user"]["domain"]) == ("demo", {"id": "default", "name": "Default"})
    assert token["project"]["name"] == "demo"
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert token["expires_at"] > token["issued_at"]
    urls = {entry["type"]: {end["interface"]: end["url"] for end in entry["endpoints"]} for entry in token["catalog"]}
    assert urls["compute"]["public"] == "http://127.0.0.1:8774/compute/v2.1"
    assert urls["image"]["internal"] == "http://127.0.0.1:8774/image"
    assert urls["network"]["public"] == "http://127.0.0.1:8774/network"
    assert urls["identity"]["admin"] == "http://127.0.0.1:8774/v3"
    assert {end["region_id"] for entry in token["catalog"] for end in entry["endpoints"]} == {"RegionOne"}


def test_the_admin_role_implies_the_others(cloud):
    names = [role["name"] for role in cloud.login("admin", "demo").json["token"]["roles"]]
    assert names == ["admin", "manager", "member", "reader"]


def test_scopes(cloud):
    project_id = cloud.login("demo", "demo").json["token"]["project"]["id"]
    for scope in (
        {"project": {"id": project_id}},
        {"project": {"name": "demo"}},
        {"project": {"name": "demo", "domain": {"name": "default"}}},
        None,
    ):
        assert cloud.login("demo", scope=scope, domain=None).json["token"]["project"]["id"] == project_id
    unscoped = cloud.login("demo", scope="unscoped").json["token"]
    assert not {"project", "roles", "catalog"} & set(unscoped)
    assert "catalog" not in cloud.login("demo", "demo", query_string="nocatalog").json["token"]


@pytest.mark.parametrize(
    ("user", "more"),
    [
        ("demo", {"password": "wrong"}),
        ("nobody", {"password": "x"}),
        ("demo", {"project": "admin"}),
        ("demo", {"project": "nowhere"}),
        ("demo", {"domain": {"name": "elsewhere"}}),
        ("demo", {"scope": {"system": {"all": True}}}),
        ("demo", {"scope": {"domain": {"id": "default"}}}),
    ],
)
def test_refused_logins(cloud, user, more):
    response = cloud.login(user, **more)
    assert response.status_code == 401
    assert response.json["error"]["code"] == 401
    assert response.json["error"]["title"] == "Unauthorized"
    assert response.headers["WWW-Authenticate"].startswith("Keystone uri=")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{nonsense",
        b'{"auth": {}}',
        b'{"auth": {"identity": {"methods": ["password"]}}}',
        b'{"auth": {"identity": {"methods": ["password"], "password": {"user": {"password": "x"}}}}}',
        b'{"auth": {"identity": {"methods": "password"}}}',
    ],
)
def test_bodies_that_mean_nothing(cloud, body):
    response = cloud.http.simulate_post("/v3/auth/tokens", body=body)
    assert (response.status_code, response.json["error"]["title"]) == (400, "Bad Request")


def test_a_token_opens_another_one_that_ends_with_it(cloud, demo):
    first = cloud.ask(demo, "GET", "/v3/auth/tokens", 200, subject=demo)["token"]
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": demo}}, "scope": {"project": {"name": "demo"}}}}
    second = cloud.http.simulate_post("/v3/auth/tokens", json=body).json["token"]
    assert second["expires_at"] == first["expires_at"]
    assert second["methods"] == ["password", "token"]
    assert second["audit_ids"][1] == first["audit_ids"][0]
    cloud.ask(demo, "DELETE", "/v3/auth/tokens", 204, subject=demo)
    assert cloud.http.simulate_post("/v3/auth/tokens", json=body).status_code == 401


def test_validation_is_for_the_subject_admins_and_services(cloud, admin, demo):
    for who in (admin, demo):
        assert cloud.ask(who, "GET", "/v3/auth/tokens", 200, subject=demo)["token"]["user"]["name"] == "demo"
    cloud.ask(demo, "HEAD", "/v3/auth/tokens", 200, subject=demo)
    cloud.ask(demo, "GET", "/v3/auth/tokens", 403, subject=admin)
    cloud.ask(admin, "GET", "/v3/auth/tokens", 404, subject="nonsense")
    cloud.ask(admin, "GET", "/v3/auth/tokens", 400)
    cloud.ask("nonsense", "GET", "/v3/auth/tokens", 401, subject=demo)


def test_revocation_reaches_every_process(cloud, demo):
    other = cloud.new_service()
    cloud.ask(demo, "DELETE", "/v3/auth/tokens", 204, subject=demo)
    assert other.validate(demo) is None
    cloud.ask(demo, "GET", "/v3/auth/projects", 401)


def test_tokens_outlive_the_process(cloud, demo):
    context = cloud.new_service().validate(demo)
    assert (context.user_name, context.project_name, context.roles) == ("demo", "demo", ("member", "reader"))
    assert context.request_id == ""


def test_tokens_expire(cloud):
    cloud.conf.set_override("cache_s", 0, group="identity")
    service = cloud.new_service()
    token = cloud.token("demo", "demo")
    assert service.validate(token)
    cloud.offset_s = cloud.conf.identity.token_expiration_s + 1
    assert service.validate(token) is None


def test_what_is_no_token(cloud):
    for text in (None, "", "x", "gAAAAA", "é", "x" * 100_000):
        assert cloud.service.validate(text) is None


def test_own_things(cloud, admin, demo):
    assert [p["name"] for p in cloud.ask(demo, "GET", "/v3/auth/projects", 200)["projects"]] == ["demo"]
    assert [p["name"] for p in cloud.ask(admin, "GET", "/v3/auth/projects", 200)["projects"]] == ["admin", "demo"]
    assert len(cloud.ask(demo, "GET", "/v3/auth/catalog", 200)["catalog"]) == 4
    user = cloud.ask(demo, "GET", "/v3/auth/tokens", 200, subject=demo)["token"]["user"]["id"]
    assert cloud.ask(demo, "GET", f"/v3/users/{user}", 200)["user"]["name"] == "demo"
    assert "password_hash" not in cloud.ask(demo, "GET", f"/v3/users/{user}", 200)["user"]
    assert len(cloud.ask(demo, "GET", f"/v3/users/{user}/projects", 200)["projects"]) == 1


def test_own_password(cloud, demo):
    user = cloud.ask(demo, "GET", "/v3/auth/tokens", 200, subject=demo)["token"]["user"]["id"]
    path = f"/v3/users/{user}/password"
    body = {"user": {"password": "new" * 40, "original_password": "wrong"}}
    assert cloud.http.simulate_post(path, json=body).status_code == 401
    body["user"]["original_password"] = cloud.passwords["demo"]
    assert cloud.http.simulate_post(path, json=body).status_code == 204
    assert cloud.service.validate(demo) is None, "old tokens end with the old password"
    assert cloud.login("demo", password="new" * 39).status_code == 401
    assert cloud.login("demo", password="new" * 40).status_code == 201
