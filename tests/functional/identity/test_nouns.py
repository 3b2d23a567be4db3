"""Admins make projects, users, roles and domains; others look at themselves."""

import pytest


def _create(cloud, admin, noun, **values):
    return cloud.ask(admin, "POST", f"/v3/{noun}s", 201, json={noun: values})[noun]


def test_a_user_is_made_and_works(cloud, admin):
    project = _create(cloud, admin, "project", name="red", description="a team")
    user = _create(cloud, admin, "user", name="rosa", password="secret", default_project_id=project["id"])
    assert cloud.login("rosa", "red", password="secret").status_code == 401, "no role yet"
    [member] = cloud.ask(admin, "GET", "/v3/roles?name=member", 200)["roles"]
    path = f"/v3/projects/{project['id']}/users/{user['id']}/roles"
    cloud.ask(admin, "HEAD", f"{path}/{member['id']}", 404)
    for _ in range(2):
        cloud.ask(admin, "PUT", f"{path}/{member['id']}", 204)
    cloud.ask(admin, "HEAD", f"{path}/{member['id']}", 204)
    assert [role["name"] for role in cloud.ask(admin, "GET", path, 200)["roles"]] == ["member"]

    token = cloud.token("rosa", password="secret")
    assert cloud.service.validate(token).project_id == project["id"]
    cloud.ask(admin, "DELETE", f"{path}/{member['id']}", 204)
    cloud.ask(admin, "DELETE", f"{path}/{member['id']}", 404)
    assert cloud.service.validate(token) is None


def test_disabled_and_deleted_users_are_out(cloud, admin, demo):
    user = cloud.ask(admin, "GET", "/v3/users?name=demo", 200)["users"][0]
    cloud.ask(admin, "PATCH", f"/v3/users/{user['id']}", 200, json={"user": {"enabled": False}})
    assert cloud.service.validate(demo) is None
    assert cloud.login("demo", "demo").status_code == 401
    cloud.ask(admin, "PATCH", f"/v3/users/{user['id']}", 200, json={"user": {"enabled": True}})
    assert cloud.service.validate(demo)
    cloud.ask(admin, "DELETE", f"/v3/users/{user['id']}", 204)
    assert cloud.service.validate(demo) is None
    assert cloud.ask(admin, "GET", f"/v3/role_assignments?user.id={user['id']}", 200)["role_assignments"] == []


@pytest.mark.parametrize("noun", ["project", "user", "role", "domain"])
def test_five_verbs(cloud, admin, noun):
    made = _create(cloud, admin, noun, name="blue")
    path = f"/v3/{noun}s/{made['id']}"
    assert cloud.ask(admin, "GET", path, 200)[noun] == made
    assert made["links"]["self"].endswith(path)
    assert [it["id"] for it in cloud.ask(admin, "GET", f"/v3/{noun}s?name=blue", 200)[f"{noun}s"]] == [made["id"]]
    cloud.ask(admin, "POST", f"/v3/{noun}s", 409, json={noun: {"name": "blue"}})
    changed = cloud.ask(admin, "PATCH", path, 200, json={noun: {"name": "green", "enabled": False}})[noun]
    assert changed["name"] == "green"
    cloud.ask(admin, "DELETE", path, 204)
    cloud.ask(admin, "GET", path, 404)
    cloud.ask(admin, "DELETE", path, 404)
    cloud.ask(admin, "PATCH", path, 404, json={noun: {"name": "x"}})
    cloud.ask(admin, "GET", f"/v3/{noun}s/green", 404)
    for bad in ({}, {noun: {}}, {noun: {"name": ""}}, {noun: {"name": 5}}, {noun: []}):
        cloud.ask(admin, "POST", f"/v3/{noun}s", 400, json=bad)


@pytest.mark.parametrize("path", ["projects", "users", "roles", "domains", "role_assignments", "services", "endpoints"])
def test_foreign_things_are_for_admins(cloud, admin, demo, path):
    cloud.ask(admin, "GET", f"/v3/{path}", 200)
    cloud.ask(demo, "GET", f"/v3/{path}", 403)
    cloud.ask("", "GET", f"/v3/{path}", 401)


def test_a_project_of_ones_own_can_be_seen(cloud, admin, demo):
    projects = {it["name"]: it["id"] for it in cloud.ask(admin, "GET", "/v3/projects", 200)["projects"]}
    assert set(projects) == {"admin", "demo", "service"}
    cloud.ask(demo, "GET", f"/v3/projects/{projects['demo']}", 200)
    cloud.ask(demo, "GET", f"/v3/projects/{projects['admin']}", 403)
    cloud.ask(demo, "GET", "/v3/domains/default", 200)
    cloud.ask(demo, "PATCH", f"/v3/projects/{projects['demo']}", 403, json={"project": {"name": "mine"}})


def test_a_domain_goes_with_all_that_is_in_it(cloud, admin):
    domain = _create(cloud, admin, "domain", name="Guests")
    project = _create(cloud, admin, "project", name="demo", domain_id=domain["id"])
    user = _create(cloud, admin, "user", name="demo", domain_id=domain["id"], password="pw")
    cloud.ask(admin, "DELETE", f"/v3/domains/{domain['id']}", 403)
    cloud.ask(admin, "PATCH", f"/v3/domains/{domain['id']}", 200, json={"domain": {"enabled": False}})
    assert cloud.login("demo", password="pw", domain={"name": "Guests"}).status_code == 401
    cloud.ask(admin, "DELETE", f"/v3/domains/{domain['id']}", 204)
    cloud.ask(admin, "GET", f"/v3/projects/{project['id']}", 404)
    cloud.ask(admin, "GET", f"/v3/users/{user['id']}", 404)
    cloud.ask(admin, "DELETE", "/v3/domains/default", 403)


def test_things_that_do_not_exist_here(cloud, admin):
    cloud.ask(
        admin, "POST", "/v3/projects", 400, json={"project": {"name": "a", "parent_id": "default", "domain_id": "b"}}
    )
    cloud.ask(admin, "POST", "/v3/projects", 404, json={"project": {"name": "a", "domain_id": "nowhere"}})
    assert cloud.ask(admin, "GET", "/v3/projects?is_domain=true", 200)["projects"] == []
    assert cloud.ask(admin, "GET", "/v3/roles?domain_id=x", 200)["roles"] == []
    cloud.ask(admin, "PUT", "/v3/projects/a/users/b/roles/c", 404)
    cloud.ask(admin, "GET", "/v3/nonsense", 404)
    assert cloud.ask(admin, "DELETE", "/v3/services", 405)["error"]["code"] == 405


def test_a_user_without_password_cannot_log_in(cloud, admin):
    _create(cloud, admin, "user", name="robot")
    assert cloud.login("robot", password="").status_code == 401


def test_role_assignments(cloud, admin):
    listed = cloud.ask(admin, "GET", "/v3/role_assignments?include_names", 200)["role_assignments"]
    shown = {(it["user"]["name"], it["scope"]["project"]["name"], it["role"]["name"]) for it in listed}
    assert shown == {("admin", "admin", "admin"), ("admin", "demo", "admin"), ("demo", "demo", "member")}
    assert listed[0]["user"]["domain"] == {"id": "default", "name": "Default"}
    effective = cloud.ask(admin, "GET", "/v3/role_assignments?effective", 200)["role_assignments"]
    assert len(effective) == 4 + 4 + 2
    assert cloud.ask(admin, "GET", "/v3/role_assignments?group.id=x", 200)["role_assignments"] == []


def test_the_catalog_as_records(cloud, admin, demo):
    [compute] = cloud.ask(admin, "GET", "/v3/services?type=compute", 200)["services"]
    assert compute["name"] == "corenova"
    assert cloud.ask(admin, "GET", f"/v3/services/{compute['id']}", 200)["service"] == compute
    listed = cloud.ask(admin, "GET", f"/v3/endpoints?service_id={compute['id']}&interface=public", 200)["endpoints"]
    assert [it["url"] for it in listed] == ["http://127.0.0.1:8774/compute/v2.1"]
    cloud.ask(admin, "GET", f"/v3/endpoints/{listed[0]['id']}", 200)
    cloud.ask(admin, "GET", "/v3/endpoints/nonsense", 404)
    assert [it["id"] for it in cloud.ask(demo, "GET", "/v3/regions", 200)["regions"]] == ["RegionOne"]
    cloud.ask(demo, "GET", "/v3/regions/RegionOne", 200)
