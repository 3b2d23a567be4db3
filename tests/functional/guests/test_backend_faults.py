"""F21 and F24 for backends: users get 503 and one sentence, nothing is half written, and others are served."""

import uuid

import pytest
from openstack import exceptions

from corenova.api.provision import CreateRequest, _Ticket
from corenova.db import services
from corenova.objects.network import WantedNic
from corenova.objects.request_spec import RequestSpec
from corenova.testing.cloud import IMAGE, NANO

SAID = "The {} service has failed. Try again later."


@pytest.fixture
def spoil(monkeypatch):
    """Give a function that lets a verb of a backend return, or raise, something else in all processes of a site."""

    def spoil(site, backend, verb, answer):
        def call(*arguments, **named):
            if isinstance(answer, BaseException):
                raise answer
            return answer

        for who in ("api", "conductor"):
            monkeypatch.setattr(getattr(site.cloud.parts(who), backend).plugin.object, verb, call, raising=True)

    return spoil


def refused(call, service):
    with pytest.raises(exceptions.HttpException) as caught:
        call()
    assert (caught.value.status_code, caught.value.details) == (503, SAID.format(service))


def account(site, backend, who="api"):
    return getattr(site.cloud.parts(who), backend).plugin.told()


def test_ports_that_are_not_given_leave_no_server_and_no_quota(site, spoil, monkeypatch):
    network = site.network()
    compute, image = site.user.compute, site.user.image.find_image("cirros").id
    wanted = {"flavor_id": compute.find_flavor("m1.tiny").id, "image_id": image, "networks": [{"uuid": network.id}]}
    for answer in (RuntimeError("secret"), [], [["no interface"]]):
        spoil(site, "network_backend", "allocate", answer)
        refused(lambda: compute.create_server(name="with", **wanted), "network")
    assert account(site, "network_backend").faults == 3
    assert site.boot("without").status == "ACTIVE", "who needs no port is served"
    assert [server.name for server in compute.servers()] == ["without"]
    assert compute.get_limits().absolute.instances_used == 1
    monkeypatch.undo()
    assert site.boot("again", networks=[{"uuid": network.id}]).status == "ACTIVE"


def test_one_request_of_a_batch_is_refused_and_the_others_are_written(site, monkeypatch):
    network, cloud = site.network(), site.cloud
    parts = cloud.parts("test")
    plan = parts.networks.plan(
        cloud.context(network.project_id), [WantedNic(network_id=network.id)], groups=(), count=1
    )
    give = parts.networks.plugin.object.allocate

    def give_unless_cursed(connection, plan, servers):
        if servers[0][1] == "cursed":
            raise RuntimeError("poison")
        return give(connection, plan, servers)

    monkeypatch.setattr(parts.networks.plugin.object, "allocate", give_unless_cursed)
    context = cloud.context(network.project_id)
    spec = RequestSpec(project_id=context.project_id, user_id=context.user_id, flavor=NANO, image=IMAGE)
    names = ("one", "cursed", "two")
    requests = [CreateRequest(name=n, spec=spec, min_count=1, max_count=1, network=plan) for n in names]
    tickets = [_Ticket(context, request, [str(uuid.uuid4())], f"r-{request.name}") for request in requests]
    outcomes = cloud._provisioner()._create_all(tickets)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Created", "BackendFault", "Created"]
    cloud.wait_for([one for made in (outcomes[0], outcomes[2]) for one in made.uuids])


def test_an_image_backend_that_lies_is_refused_and_then_not_asked(make_site, spoil):
    site = make_site({"plugins": {"breaker_faults": 2, "breaker_open_s": 60}})
    compute, image = site.user.compute, site.user.image.find_image("cirros").id
    wanted = {"flavor_id": compute.find_flavor("m1.tiny").id, "image_id": image, "networks": "none"}
    spoil(site, "image_backend", "find_image", {"id": image})
    for _ in range(3):
        refused(lambda: compute.create_server(name="vm", **wanted), "image")
    assert (account(site, "image_backend").faults, account(site, "image_backend").breaker) == (2, "open")
    (alarm,) = site.cloud.parts("api").report(services.API).alarms
    assert alarm.startswith("find_image of image backend embedded is switched off after faults: Lie: it returned dict")
    assert list(compute.servers()) == []


def test_a_conductor_whose_backend_fails_does_for_the_others_what_is_to_be_done(make_site, spoil, monkeypatch):
    site = make_site()
    network = site.network()
    wired, plain = site.boot("wired", networks=[{"uuid": network.id}]), site.boot("plain")
    spoil(site, "network_backend", "release", RuntimeError("poison"))
    for server in (wired, plain):
        site.user.compute.delete_server(server)
    site.user.compute.wait_for_delete(plain, interval=0.05, wait=30)
    site.cloud.wait(lambda: account(site, "network_backend", "conductor").faults > 0, what="the backend was asked")
    assert site.cloud.server(wired.id).step == "delete"
    assert [port.device_id for port in site.user.network.ports()] == [wired.id]
    monkeypatch.undo()
    site.user.compute.delete_server(wired)
    site.user.compute.wait_for_delete(wired, interval=0.05, wait=30)
    assert list(site.user.network.ports()) == []
