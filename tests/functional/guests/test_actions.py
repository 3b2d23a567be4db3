"""What a server can do besides power, by the SDK over HTTP, down to the guest of the fake driver and back."""

import pytest
from openstack import exceptions

from corenova.db import instances, work
from corenova.objects.states import PowerState, Step
from tests import disks


def power(site, server):
    (host,) = (host for uuid, host in site.cloud.guests().items() if uuid == server.id)
    return site.cloud.driver.get_power_state(host, server.id)


def test_pause_and_unpause(site):
    server = site.boot()
    site.user.compute.pause_server(server)
    site.wait(server, "PAUSED")
    assert power(site, server) == PowerState.PAUSED
    with pytest.raises(exceptions.ConflictException, match=r"'pause' instance .* while it is in vm_state paused"):
        site.user.compute.pause_server(server)
    site.user.compute.unpause_server(server)
    site.wait(server, "ACTIVE")
    assert power(site, server) == PowerState.RUNNING


def test_suspend_and_resume(site):
    server = site.boot()
    site.user.compute.suspend_server(server)
    site.wait(server, "SUSPENDED")
    assert power(site, server) == PowerState.SUSPENDED
    site.user.compute.resume_server(server)
    site.wait(server, "ACTIVE")
    assert power(site, server) == PowerState.RUNNING


def test_a_suspended_server_is_not_taken_for_one_that_died(site):
    server = site.boot()
    site.user.compute.suspend_server(server)
    site.wait(server, "SUSPENDED")
    looks, look = [], site.cloud.driver.list_guests
    site.cloud.driver.list_guests = lambda host: looks.append(host) or look(host)
    site.cloud.wait(lambda: len(looks) > 3 * len(site.cloud.driver.hosts()), what="guests and rows are compared")
    assert site.user.compute.get_server(server.id).status == "SUSPENDED"
    assert site.cloud.server(server.id).power_state == PowerState.SUSPENDED


def test_rescue_and_unrescue(site):
    server = site.boot()
    site.user.compute.rescue_server(server, admin_pass="let-me-in")
    site.wait(server, "RESCUE")
    with pytest.raises(exceptions.ConflictException):
        site.user.compute.stop_server(server)
    site.user.compute.unrescue_server(server)
    site.wait(server, "ACTIVE")
    assert power(site, server) == PowerState.RUNNING


def test_rescue_from_an_image_that_is_not_there(site):
    server = site.boot()
    with pytest.raises(exceptions.BadRequestException, match="No image found"):
        site.user.compute.rescue_server(server, image="11111111-2222-4333-8444-555555555555")
    assert site.user.compute.get_server(server.id).status == "ACTIVE"


def test_rebuild_keeps_id_host_and_addresses_and_changes_what_is_asked(site):
    network = site.network()
    server = site.boot(networks=[{"uuid": network.id}])
    host = site.cloud.server(server.id).host
    image = site.user.image.find_image("cirros").id
    asked = {"name": "renamed", "metadata": {"k": "v"}, "image": image}
    rebuilt = site.user.compute.rebuild_server(server, **asked)
    assert rebuilt.id == server.id
    server_now = site.settled(server)
    assert (server_now.status, server_now.name, server_now.metadata) == ("ACTIVE", "renamed", {"k": "v"})
    assert server_now.addresses == site.user.compute.get_server(server.id).addresses
    assert site.cloud.server(server.id).host == host


def test_a_stopped_server_is_stopped_after_a_rebuild(site):
    server = site.boot()
    site.user.compute.stop_server(server)
    site.wait(server, "SHUTOFF")
    site.user.compute.rebuild_server(server, image=site.user.image.find_image("cirros").id)
    assert site.settled(server).status == "SHUTOFF"
    assert power(site, server) == PowerState.SHUTDOWN


def test_rebuild_with_an_image_that_may_not_run_on_the_host_leaves_all_as_it_was(site):
    other = site.user.image.create_image("ppc", data=b"bytes", disk_format="raw", container_format="bare",
                                         hw_architecture="ppc64")  # fmt: skip
    server = site.boot()
    before = site.user.compute.get_server(server.id)
    site.user.compute.rebuild_server(server, image=other.id)
    after = site.settled(server)
    assert (after.status, after.image.id) == ("ACTIVE", before.image.id)
    row = site.cloud.server(server.id)
    assert "ImagePropertiesFilter" in row.fault_details
    actions = list(site.user.compute.server_actions(server.id))
    assert (actions[0].action, actions[0].message) == ("rebuild", "Error")


def test_rebuild_with_another_image_that_may(site):
    other = site.user.image.create_image("other", data=b"bytes", disk_format="raw", container_format="bare")
    server = site.boot()
    site.user.compute.rebuild_server(server, image=other.id)
    after = site.settled(server)
    assert (after.status, after.image.id) == ("ACTIVE", other.id)
    spec = site.cloud.db.read(lambda c: work.spec_of(c, server.id))
    assert instances.decode_spec(spec).image.id == other.id, "who schedules it again means the new image"
    assert power(site, server) == PowerState.RUNNING


def test_a_snapshot_becomes_an_image_that_servers_boot_from(site):
    server = site.boot()
    image = site.user.compute.create_server_image(server, "copy", metadata={"mine": "1"}, wait=True, timeout=30)
    assert (image.status, image.properties["image_type"]) == ("active", "snapshot")
    assert image.instance_uuid == server.id
    assert image.size > 0
    assert site.settled(server).status == "ACTIVE"
    site.boot("second", image_id=image.id)


def test_a_snapshot_of_a_server_that_is_deleted_meanwhile_leaves_no_image(site):
    server = site.boot()
    site.cloud.stop("compute")
    image_id = site.user.compute.create_server_image(server, "copy").id
    assert site.user.image.get_image(image_id).status == "queued"
    site.user.compute.delete_server(server)
    site.cloud.start("compute")
    site.user.compute.wait_for_delete(server, interval=0.05, wait=30)
    with pytest.raises(exceptions.NotFoundException):
        site.user.image.get_image(image_id)
    site.cloud.wait(lambda: not site.cloud.guests(), what="the guest is reaped")


def test_a_snapshot_whose_image_is_deleted_meanwhile_fails_alone(site):
    server = site.boot()
    site.cloud.stop("compute")
    image_id = site.user.compute.create_server_image(server, "copy").id
    site.user.image.delete_image(image_id)
    site.cloud.start("compute")
    assert site.settled(server).status == "ACTIVE"
    actions = list(site.user.compute.server_actions(server.id))
    assert (actions[0].action, actions[0].message) == ("createImage", "Error")


def test_console_output_and_diagnostics(site):
    server = site.boot()
    output = site.user.compute.get_server_console_output(server)["output"]
    assert server.id in output or "vm" in output
    assert site.user.compute.get_server_console_output(server, length=0)["output"] == ""
    told = site.admin.compute.get_server_diagnostics(server.id)
    assert (told.state, told.has_config_drive) == ("running", False)
    with pytest.raises(exceptions.ForbiddenException):
        site.user.compute.get_server_diagnostics(server.id)


def test_what_a_driver_cannot_do_is_refused_before_anything_is_touched(make_site):
    site = make_site({"fake": {"lacks": "pause,suspend,rescue,snapshot,attach_interface,console_output,diagnostics"}})
    server, compute = site.boot(), site.user.compute
    for ask in (
        compute.pause_server,
        compute.suspend_server,
        compute.rescue_server,
        lambda server: compute.create_server_image(server, "copy"),
        lambda server: compute.create_server_interface(server, net_id=site.network().id),
        compute.get_server_console_output,
    ):
        with pytest.raises(exceptions.HttpException) as refused:
            ask(server)
        assert refused.value.status_code == 501, refused.value
    assert site.user.compute.get_server(server.id).status == "ACTIVE"
    assert [action.action for action in compute.server_actions(server.id)] == ["create"]
    assert list(site.user.image.images(name="copy")) == []
    assert list(site.user.network.ports()) == []


@pytest.mark.parametrize(
    ("step", "status"),
    [(Step.PAUSE, "paused"), (Step.SUSPEND, "suspended"), (Step.RESCUE, "rescued"), (Step.SNAPSHOT, "active")],
)
@pytest.mark.parametrize("point", ["conductor.begin_work.after", "conductor.report.before", "conductor.report.after"])
def test_an_action_outlives_a_crash(site, step, status, point):
    server = site.boot()
    ask = {
        Step.PAUSE: site.user.compute.pause_server,
        Step.SUSPEND: site.user.compute.suspend_server,
        Step.RESCUE: site.user.compute.rescue_server,
        Step.SNAPSHOT: lambda server: site.user.compute.create_server_image(server, "copy"),
    }[step]
    with site.cloud.crash_at(point) as met:
        ask(server)
        site.cloud.wait(met.is_set, what="the crash")
    site.cloud.revive()
    site.cloud.wait_for(server.id, status)
    if step == Step.SNAPSHOT:
        assert [image.status for image in site.user.image.images(name="copy")] == ["active"]
    assert all(action.message is None for action in site.user.compute.server_actions(server.id))


def test_a_forced_host_does_not_open_the_way_for_any_image(site):
    """CVE-2017-16239: what is asked for a rebuild is asked of everybody."""
    other = site.user.image.create_image("ppc", data=b"bytes", disk_format="raw", container_format="bare",
                                         hw_architecture="ppc64", visibility="private")  # fmt: skip
    site.admin.image.update_image(other, visibility="public")
    compute = site.admin.compute
    server = compute.create_server(
        name="forced",
        flavor_id=compute.find_flavor("m1.tiny").id,
        image_id=site.user.image.find_image("cirros").id,
        networks="none",
        availability_zone="nova:fake-003",
    )
    compute.wait_for_server(server, interval=0.05, wait=30)
    compute.rebuild_server(server, image=other.id)
    site.cloud.wait(lambda: site.cloud.server(server.id).step is None)
    assert "ImagePropertiesFilter" in site.cloud.server(server.id).fault_details


def test_a_disk_that_unfolds_to_more_than_the_flavor_has_is_refused(site, tmp_path):
    image = site.user.image.create_image(
        "large", data=disks.qcow2(size=3 * 1024**3), disk_format="qcow2", container_format="bare"
    )
    with pytest.raises(exceptions.BadRequestException, match="Flavor's disk is too small for requested image"):
        site.boot(image_id=image.id)
