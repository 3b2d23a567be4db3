"""Servers from the outside: create, list, show, change, act on, delete."""

import pytest
import sqlalchemy as sa

from corenova.db import instances, schema
from corenova.objects.topology import WishedCell

BASE = {
    "id", "name", "links", "tenant_id", "user_id", "metadata", "created", "updated", "addresses", "accessIPv4",
    "accessIPv6", "flavor", "image", "hostId", "OS-DCF:diskConfig", "status",
}  # fmt: skip


def test_create_answers_202_with_location_and_password(cloud):
    body = {"server": {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1"}}
    answer = cloud.post("/servers", body, mv="2.1")
    server = answer.json["server"]
    assert answer.status_code == 202
    assert set(server) == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    assert answer.headers["location"] == f"http://cloud.example/compute/v2.1/servers/{server['id']}"
    assert server["links"][1]["href"] == f"http://cloud.example/compute/servers/{server['id']}"
    shown = cloud.get(f"/servers/{server['id']}").json["server"]
    assert (shown["status"], shown["OS-EXT-STS:task_state"], shown["hostId"]) == ("BUILD", "scheduling", "")


def test_reservation_id_is_returned_on_request(cloud):
    body = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1", "max_count": "3"}
    answer = cloud.post("/servers", {"server": body | {"return_reservation_id": True}}, mv="2.1")
    assert answer.json["reservation_id"].startswith("r-")
    listed = cloud.get("/servers", query_string=f"reservation_id={answer.json['reservation_id']}").json["servers"]
    assert sorted(server["name"] for server in listed) == ["vm-1", "vm-2", "vm-3"]


BAD_CREATES = [
    ({"flavorRef": "404"}, "Flavor 404 could not be found."),
    ({"imageRef": "bbbbbbbb-0000-4000-8000-000000000001"}, "Can not find requested image"),
    ({"imageRef": "aaaaaaaa-0000-4000-8000-000000000003"}, "is not active"),
    ({"imageRef": "aaaaaaaa-0000-4000-8000-000000000002"}, "Flavor's memory is too small for requested image."),
    ({"imageRef": ""}, "Missing imageRef attribute"),
    ({"imageRef": "cirros"}, "Invalid input for field/attribute imageRef. Value: cirros."),
    ({"min_count": 3, "max_count": 2}, "min_count must be <= max_count"),
    ({"min_count": 0}, "Invalid input for field/attribute min_count. Value: 0."),
    ({"availability_zone": "mars"}, "The requested availability zone is not available"),
    ({"availability_zone": "a:b:c:d"}, "Unable to parse availability_zone"),
    ({"networks": [{"uuid": "aaaaaaaa-0000-4000-8000-000000000009"}]}, "aaaaaaaa-0000-4000-8000-000000000009"),
    ({"networks": [{"port": "aaaaaaaa-0000-4000-8000-000000000009"}]}, "aaaaaaaa-0000-4000-8000-000000000009"),
    ({"networks": [{}]}, "Each entry of networks must name a port or the uuid of a network."),
    (
        {"networks": [{"port": "aaaaaaaa-0000-4000-8000-000000000009", "fixed_ip": "10.0.0.9"}]},
        "the two cannot be specified together",
    ),
    ({"networks": []}, None),
    ({"key_name": "nobody's"}, "Invalid key_name provided."),
    ({"user_data": "abc"}, "Invalid input for field/attribute user_data."),
    ({"name": " padded"}, "An invalid 'name' value was provided. The name must be: printable characters."),
    ({"name": ""}, "Invalid input for field/attribute name. Value: . '' should be non-empty"),
    ({"name": "n" * 256}, "Invalid input for field/attribute name."),
    ({"surprise": 1}, "Additional properties are not allowed ('surprise' was unexpected)"),
    ({"metadata": {"k": "v" * 256}}, "Invalid input for field/attribute k."),
    ({"tags": ["a/b"]}, "Invalid input for field/attribute 0. Value: a/b."),
    ({"config_drive": "maybe"}, "Invalid input for field/attribute config_drive."),
    ({"block_device_mapping_v2": [{"source_type": "volume", "boot_index": 0}]}, "not available in this release"),
]


@pytest.mark.parametrize(("change", "sentence"), BAD_CREATES)
def test_create_refuses_with_a_sentence(cloud, change, sentence):
    server = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1", "networks": "none"}
    answer = cloud.post("/servers", {"server": server | change})
    if sentence is None:
        assert answer.status_code == 202
    else:
        assert answer.status_code == 400, answer.text
        assert answer.json["badRequest"]["code"] == 400
        assert sentence in answer.json["badRequest"]["message"]


@pytest.mark.parametrize(
    ("extra_spec", "sentence"),
    [
        ({"pci_passthrough:alias": "gpu:1"}, "PCI alias gpu is not defined."),
        ({"hw:numa_nodes": "2"}, "hw:numa_nodes is 2, and the flavor has 1 vCPUs."),
        ({"hw:numa_nodes": "1"}, None),
    ],
)
def test_what_a_flavor_wishes_of_the_topology_must_mean_something(cloud, extra_spec, sentence):
    answer = cloud.post("/flavors/1/os-extra_specs", {"extra_specs": extra_spec}, token="admin")
    assert answer.status_code == 200, answer.text
    server = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1", "networks": "none"}
    answer = cloud.post("/servers", {"server": server})
    if sentence is None:
        assert answer.status_code == 202
        specs = cloud.db.read(lambda c: c.execute(sa.select(schema.instances.c.spec)).scalars().all())
        assert instances.decode_spec(specs[0]).topology.cells == (WishedCell(vcpus=(0,), memory_mb=512),)
    else:
        assert answer.status_code == 400
        assert answer.json["badRequest"]["message"] == sentence


def test_networks_are_required_from_2_37(cloud):
    server = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1"}
    assert cloud.post("/servers", {"server": server}, mv="2.36").status_code == 202
    answer = cloud.post("/servers", {"server": server}, mv="2.37")
    assert "'networks' is a required property" in answer.json["badRequest"]["message"]


def test_the_image_may_be_named_as_a_block_device_too(cloud):
    image = "aaaaaaaa-0000-4000-8000-000000000001"
    device = {
        "uuid": image, "boot_index": 0, "source_type": "image", "destination_type": "local",
        "delete_on_termination": True,
    }  # fmt: skip
    assert cloud.boot(imageRef=image, block_device_mapping_v2=[device])


def test_a_flavor_without_disk_is_for_administrators(cloud):
    server = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "zero"}
    answer = cloud.post("/servers", {"server": server}, mv="2.1")
    assert answer.status_code == 403
    assert "zero disk" in answer.json["forbidden"]["message"]
    assert cloud.post("/servers", {"server": server}, mv="2.1", token="admin").status_code == 202


def test_too_much_metadata_is_over_quota(cloud):
    metadata = {f"k{n}": "v" for n in range(129)}
    server = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1"}
    answer = cloud.post("/servers", {"server": server | {"metadata": metadata}}, mv="2.1")
    assert answer.json == {"forbidden": {"code": 403, "message": "Maximum number of metadata items exceeds 128"}}


def test_a_host_of_choice_is_for_administrators_and_must_exist(cloud):
    server = {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1", "networks": "none"}
    for choice in ({"availability_zone": "nova:host1"}, {"host": "host1"}, {"hypervisor_hostname": "host1"}):
        assert cloud.post("/servers", {"server": server | choice}).status_code == 403
        assert cloud.post("/servers", {"server": server | choice}, token="admin").status_code == 202
    pair = cloud.post("/servers", {"server": server | {"availability_zone": "nova:host1:nope"}}, token="admin")
    assert pair.json["badRequest"]["message"] == "Host host1 has no hypervisor nope."
    for choice in ({"availability_zone": "nova:nope"}, {"host": "nope"}):
        answer = cloud.post("/servers", {"server": server | choice}, token="admin")
        assert answer.json["badRequest"]["message"] == "Compute host nope could not be found."


def test_hints_name_a_group_that_must_exist(cloud):
    group = cloud.post("/os-server-groups", {"server_group": {"name": "g", "policy": "affinity"}}).json["server_group"]
    server_id = cloud.boot(hints={"group": group["id"], "_nova_check_type": ["x"], "own": "kept"})
    assert cloud.get(f"/servers/{server_id}").json["server"]["server_groups"] == [group["id"]]
    body = {"server": {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "1"}}
    hints = {"os:scheduler_hints": {"group": "aaaaaaaa-0000-4000-8000-00000000dead"}}
    answer = cloud.post("/servers", body | hints, mv="2.1")
    assert "could not be found" in answer.json["badRequest"]["message"]
    foreign = cloud.post("/servers", body | {"os:scheduler_hints": {"group": group["id"]}}, mv="2.1", token="stranger")
    assert foreign.status_code == 400


def test_lists_show_the_own_project_newest_first(cloud):
    mine = [cloud.boot("a"), cloud.boot("b")]
    theirs = cloud.boot("c", token="stranger")
    listed = [server["id"] for server in cloud.get("/servers").json["servers"]]
    assert listed == mine[::-1]
    assert set(cloud.get("/servers").json["servers"][0]) == {"id", "name", "links"}
    everything = cloud.get("/servers/detail", query_string="all_tenants=1", token="admin").json["servers"]
    assert {server["id"] for server in everything} == {*mine, theirs}
    assert cloud.get("/servers", query_string="all_tenants=1").status_code == 403
    one = cloud.get("/servers", query_string="all_tenants=True&project_id=p-two", token="admin").json["servers"]
    assert [server["id"] for server in one] == [theirs]


FILTERS = [
    ("name=^web", {"web1", "web2"}),
    ("name=1$", {"web1"}),
    ("status=active", {"web1"}),
    ("status=ACTIVE&status=ERROR", {"web1", "broken"}),
    ("flavor=2", {"web2"}),
    ("image=aaaaaaaa-0000-4000-8000-000000000001", {"web1", "web2", "broken"}),
    ("image=aaaaaaaa-0000-4000-8000-000000000004", set()),
    ("tags=red,round", {"web2"}),
    ("locked=true", set()),
    ("changes-since=2001-01-01T00:00:00Z", {"web1", "web2", "broken"}),
    ("changes-before=2001-01-01T00:00:00Z", set()),
    ("deleted=true", {"web1", "web2", "broken"}),
    ("deleted=False", {"web1", "web2", "broken"}),
    ("host=host1", {"web1", "web2", "broken"}),
]


@pytest.mark.parametrize(("query", "names"), FILTERS)
def test_filters(cloud, query, names):
    cloud.active("web1")
    cloud.boot("web2", flavorRef="2", tags=["red", "round"])
    cloud.fail(cloud.boot("broken"))
    listed = cloud.get("/servers", query_string=query).json["servers"]
    assert {server["name"] for server in listed} == names
    detailed = cloud.get("/servers/detail", query_string=query).json["servers"]
    assert {server["name"] for server in detailed} == names


def test_an_administrator_filters_by_host_and_deleted(cloud):
    cloud.active("here", token="admin")
    gone = cloud.boot("gone", token="admin")
    assert cloud.delete(f"/servers/{gone}", token="admin").status_code == 204
    for query, names in (("host=host1", ["here"]), ("host=host2", []), ("deleted=true", ["gone"])):
        listed = cloud.get("/servers", query_string=query, token="admin").json["servers"]
        assert [server["name"] for server in listed] == names
    shown = cloud.get("/servers/detail", query_string="deleted=true", token="admin").json["servers"][0]
    assert shown["status"] == "DELETED"
    assert shown["pinned_availability_zone"] is None


BAD_LISTS = [
    ("limit=x", "2.1", 400),
    ("limit=-1", "2.1", 400),
    ("marker=nope", "2.1", 400),
    ("sort_key=nonsense", "2.1", 400),
    ("sort_key=user_data", "2.1", 200),
    ("sort_key=user_data", "2.75", 400),
    ("sort_key=host", "2.75", 403),
    ("sort_dir=up", "2.1", 400),
    ("status=FUNNY", "2.1", 200),
    ("status=FUNNY", "2.38", 400),
    ("status=DELETED", "2.96", 403),
    ("changes-since=yesterday", "2.1", 400),
    ("changes-since=2020-01-02T00:00:00Z&changes-before=2020-01-01T00:00:00Z", "2.66", 400),
    ("unknown=1", "2.74", 200),
    ("unknown=1", "2.75", 400),
    ("all_tenants=maybe", "2.96", 400),
    ("name=(", "2.96", 400),
    ("name=", "2.96", 400),
]


@pytest.mark.parametrize(("query", "mv", "code"), BAD_LISTS)
def test_lists_refuse_what_makes_no_sense(cloud, query, mv, code):
    cloud.boot()
    assert cloud.get("/servers", query_string=query, mv=mv).status_code == code


def test_paging(cloud):
    ids = [cloud.boot(f"vm{n}") for n in range(5)]
    first = cloud.get("/servers/detail", query_string="limit=2&sort_key=display_name&sort_dir=asc").json
    assert [server["id"] for server in first["servers"]] == ids[:2]
    href = first["servers_links"][0]["href"]
    assert first["servers_links"][0]["rel"] == "next"
    assert href.startswith("http://cloud.example/compute/v2.1/servers/detail?")
    seen = [server["id"] for server in first["servers"]]
    while True:
        page = cloud.get("/servers/detail", query_string=href.partition("?")[2]).json
        seen += [server["id"] for server in page["servers"]]
        if "servers_links" not in page:
            break
        href = page["servers_links"][0]["href"]
    assert seen == ids
    assert cloud.get("/servers", query_string="limit=0").json == {"servers": []}
    cloud.conf.set_override("max_limit", 3, group="api")
    assert len(cloud.get("/servers", query_string="limit=1000").json["servers"]) == 3


def test_faults_show_details_to_administrators_alone(cloud):
    server_id = cloud.boot()
    cloud.fail(server_id)
    fault = cloud.get(f"/servers/{server_id}").json["server"]["fault"]
    assert fault == {"code": 500, "created": "2023-11-14T22:13:20Z", "message": "It failed."}
    assert cloud.get(f"/servers/{server_id}", token="admin").json["server"]["fault"]["details"] == "host1: no"


def test_administrators_see_the_host_and_its_status(cloud):
    server_id = cloud.active(user_data="aGVsbG8=", availability_zone="nova")
    shown = cloud.get(f"/servers/{server_id}", token="admin").json["server"]
    assert shown["OS-EXT-SRV-ATTR:host"] == "host1"
    assert shown["OS-EXT-SRV-ATTR:user_data"] == "aGVsbG8="
    assert shown["pinned_availability_zone"] == "nova"
    assert shown["host_status"] == "UP"
    assert shown["OS-SRV-USG:launched_at"] == "2023-11-14T22:13:20.500000"
    member = cloud.get(f"/servers/{server_id}").json["server"]
    assert "host_status" not in member
    assert "OS-EXT-SRV-ATTR:host" not in member
    assert member["OS-EXT-SRV-ATTR:hostname"] == "vm"
    assert len(member["hostId"]) == 56


def test_update_changes_name_and_description(cloud):
    server_id = cloud.boot()
    answer = cloud.put(f"/servers/{server_id}", {"server": {"name": "new", "description": "why"}})
    assert answer.status_code == 200
    assert (answer.json["server"]["name"], answer.json["server"]["description"]) == ("new", "why")
    trimmed = cloud.put(f"/servers/{server_id}", {"server": {"name": "newer"}}, mv="2.1").json["server"]
    assert set(trimmed) == BASE | {"progress"}
    assert cloud.put(f"/servers/{server_id}", {"server": {"name": "x"}}, token="stranger").status_code == 404
    assert cloud.put(f"/servers/{server_id}", {"server": {"name": "x"}}, token="reader").status_code == 403


def test_actions_move_the_row_or_conflict(cloud):
    server_id = cloud.active()
    act = f"/servers/{server_id}/action"
    assert cloud.post(act, {"os-start": None}).status_code == 409
    assert "vm_state active" in cloud.post(act, {"os-start": None}).json["conflictingRequest"]["message"]
    assert cloud.post(act, {"os-stop": None}).status_code == 202
    assert cloud.get(f"/servers/{server_id}").json["server"]["OS-EXT-STS:task_state"] == "powering-off"
    cloud.set(server_id, vm_state="active", task_state=None, step=None)
    assert cloud.post(act, {"reboot": {"type": "SOFT"}}).status_code == 202
    assert cloud.get(f"/servers/{server_id}").json["server"]["status"] == "REBOOT"
    assert cloud.post(act, {"os-resetState": {"state": "error"}}).status_code == 403
    assert cloud.post(act, {"os-resetState": {"state": "error"}}, token="admin").status_code == 202
    assert cloud.get(f"/servers/{server_id}").json["server"]["status"] == "ERROR"


BAD_ACTIONS = [
    ({}, "Malformed request body"),
    ([], "Malformed request body"),
    ({"dance": None}, "There is no such action: dance"),
    ({"reboot": {"type": "WARM"}}, "Invalid input for field/attribute type. Value: WARM."),
    ({"reboot": None}, "Invalid input for field/attribute reboot."),
    ({"os-start": None, "os-stop": None}, "Additional properties are not allowed"),
]


@pytest.mark.parametrize(("body", "sentence"), BAD_ACTIONS)
def test_bad_actions(cloud, body, sentence):
    answer = cloud.post(f"/servers/{cloud.active()}/action", body)
    assert answer.status_code == 400
    assert sentence in answer.json["badRequest"]["message"]


def test_delete_then_not_found(cloud):
    server_id = cloud.boot()
    assert cloud.delete(f"/servers/{server_id}").status_code == 204
    gone = cloud.get(f"/servers/{server_id}")
    assert gone.json == {"itemNotFound": {"code": 404, "message": f"Instance {server_id} could not be found."}}
    assert cloud.get("/servers/not-a-uuid").status_code == 404


def test_instance_actions_tell_what_was_done(cloud):
    server_id = cloud.active()
    cloud.post(f"/servers/{server_id}/action", {"os-stop": None})
    base = f"/servers/{server_id}/os-instance-actions"
    listed = cloud.get(base, mv="2.1").json["instanceActions"]
    assert [action["action"] for action in listed] == ["stop", "create"]
    assert set(listed[0]) == {
        "action", "instance_uuid", "request_id", "user_id", "project_id", "start_time", "message",
    }  # fmt: skip
    request_id = listed[0]["request_id"]
    assert "events" not in cloud.get(f"{base}/{request_id}", mv="2.50").json["instanceAction"]
    assert "events" in cloud.get(f"{base}/{request_id}", mv="2.51").json["instanceAction"]
    assert "events" in cloud.get(f"{base}/{request_id}", mv="2.1", token="admin").json["instanceAction"]
    page = cloud.get(base, query_string="limit=1").json
    assert len(page["instanceActions"]) == 1
    assert page["links"][0]["rel"] == "next"
    assert cloud.get(f"{base}/req-unknown").status_code == 404
    cloud.delete(f"/servers/{server_id}")
    cloud.set(server_id, deleted=True)
    assert cloud.get(base, mv="2.20").status_code == 404
    assert cloud.get(base, mv="2.21").status_code == 200
    assert cloud.get(base, token="stranger").status_code == 404


@pytest.mark.parametrize("action", ["resize", "confirmResize", "migrate", "os-migrateLive", "evacuate"])
def test_what_no_driver_offers_yet_is_said_to_be_so(cloud, action):
    server_id = cloud.active()
    before = cloud.get(f"/servers/{server_id}").json
    answer = cloud.post(f"/servers/{server_id}/action", {action: {"flavorRef": "2"}}, token="admin")
    assert answer.status_code == 501
    assert action in answer.json["notImplemented"]["message"]
    assert cloud.get(f"/servers/{server_id}").json == before


def test_volumes_are_none_and_cannot_be_attached(cloud):
    path = f"/servers/{cloud.active()}/os-volume_attachments"
    assert cloud.get(path).json == {"volumeAttachments": []}
    assert cloud.get(f"{path}/v").status_code == 404
    assert cloud.post(path, {"volumeAttachment": {"volumeId": "v"}}).status_code == 501
