"""Every route as somebody else: what is another project's is not found, and stays as it is."""

import pytest

from corenova.network.routes import NOUNS, ROUTES


@pytest.fixture
def things(cloud):
    """One thing of each noun, of the project red."""
    network, subnet = cloud.network()
    group = cloud.make("red", "security_group", name="g")
    port = cloud.make("red", "port", network_id=network["id"], security_groups=[group["id"]])
    return {
        "network": network,
        "subnet": subnet,
        "port": port,
        "security_group": group,
        "security_group_rule": group["security_group_rules"][0],
    }


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.singular)
def test_a_thing_of_another_project(cloud, things, noun):
    thing = things[noun.singular]
    path = f"/{noun.path}/{thing['id']}"
    methods = {route.method for route in ROUTES if route.path == f"/v2.0/{noun.path}/{{id}}"}
    assert {"GET", "DELETE"} <= methods
    for method in sorted(methods):
        body = {noun.singular: {"description": "mine"}} if method == "PUT" else None
        kind, message = cloud.refused("blue", method, path, 404, body)
        assert kind == f"{noun.kind}NotFound"
        assert thing["id"] in message
    for query in ("", f"?id={thing['id']}", "?project_id=red", f"?limit=1&marker={thing['id']}"):
        shown = cloud.get("blue", f"/{noun.path}{query}")[noun.plural]
        assert thing["id"] not in {one["id"] for one in shown}
    assert cloud.get("red", path)[noun.singular] == cloud.get("red", path)[noun.singular]
    assert cloud.get("admin", path)[noun.singular]["description"] == thing["description"]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.singular)
def test_readers_only_look(cloud, things, noun):
    path = f"/{noun.path}/{things[noun.singular]['id']}"
    cloud.get("guest", path)
    cloud.refused("guest", "DELETE", path, 403)
    if noun.update:
        cloud.refused("guest", "PUT", path, 403, {noun.singular: {"description": "mine"}})


def test_nothing_can_be_put_on_things_of_others(cloud, things):
    theirs, _ = cloud.network("blue", "10.1.0.0/24")
    refused = [
        ("port", {"network_id": things["network"]["id"]}),
        ("subnet", {"network_id": things["network"]["id"], "cidr": "10.2.0.0/24"}),
        ("security_group_rule", {"security_group_id": things["security_group"]["id"], "direction": "ingress"}),
        ("port", {"network_id": theirs["id"], "security_groups": [things["security_group"]["id"]]}),
    ]
    for noun, values in refused:
        cloud.refused("blue", "POST", f"/{noun.replace('_', '-')}s", 404, {noun: values})
    for noun, values in (("network", {}), ("security_group", {"name": "x"}), ("port", {"network_id": theirs["id"]})):
        body = {noun: {**values, "project_id": "red"}}
        cloud.refused("blue", "POST", f"/{noun.replace('_', '-')}s", 403, body)


def test_every_route_needs_a_token(cloud):
    for route in ROUTES:
        if not route.is_public:
            path = route.path.removeprefix("/v2.0").format(id="x", project_id="x")
            assert cloud.refused("", route.method, path, 401)[0] == "Unauthorized"
