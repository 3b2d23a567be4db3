"""What hook plug-ins can do to the API: refuse with a reason, add resources, and no harm."""

import threading

import pytest

from corenova import crash
from corenova.contracts.hooks import AdminRoute, hookimpl
from corenova.db import schema
from corenova.hooks.listener import Limits
from corenova.loader import Plugin
from tests.functional.api.conftest import IMAGE

SMALL, BIG = "1", "2"


def plug(cloud, *implementations, timeout_s=30.0):
    """Enable a hook plug-in called ``guard`` with these functions."""
    methods = {f.__name__: hookimpl(staticmethod(f)) for f in implementations}
    cloud.hooks._limits = Limits(veto_timeout_s=timeout_s)
    cloud.hooks.register(Plugin("guard", type("Guard", (), methods)(), "dist-of-guard"))


def create(cloud, flavor=SMALL, **server):
    body = {"server": {"name": "vm", "imageRef": IMAGE, "flavorRef": flavor, "networks": "auto", **server}}
    return cloud.post("/servers", body)


def written(cloud):
    """Everything that is in the database."""
    tables = schema.metadata.sorted_tables
    return cloud.db.read(lambda c: {table.name: [tuple(row) for row in c.execute(table.select())] for table in tables})


def refusal(answer):
    assert answer.status_code == 403, answer.text
    assert answer.json["forbidden"]["code"] == 403
    return answer.json["forbidden"]["message"]


@pytest.fixture
def hang():
    """An event that hanging plug-ins wait for; it comes at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_the_reason_of_a_veto_reaches_the_client_and_nothing_was_written(cloud):
    asked = []

    def api_create_pre(context, spec, count, usage):
        asked.append((context.project_id, spec.flavor.name, count, usage()))
        if usage()["instances"] + count > 2:
            return "Two servers\nare enough."
        return None

    plug(cloud, api_create_pre)
    assert create(cloud, networks="none").status_code == 202
    before = written(cloud)
    assert refusal(create(cloud, BIG, networks="none", min_count=1, max_count=2)) == "Two servers are enough."
    assert written(cloud) == before
    assert asked == [
        ("p-one", "small", 1, {"instances": 0, "cores": 0, "ram": 0}),
        ("p-one", "big", 2, {"instances": 1, "cores": 1, "ram": 512}),
    ]


def test_who_is_refused_anyway_is_not_asked_about(cloud):
    asked = []

    def api_create_pre():
        asked.append(1)

    plug(cloud, api_create_pre)
    assert create(cloud, "nope").status_code == 400
    assert asked == []


def test_a_veto_on_a_delete_leaves_the_server_as_it_is(cloud):
    asked = []

    def api_delete_pre(context, instance):
        asked.append((context.user_id, instance.uuid, instance.vm_state, instance.host))
        return "It is loved." if instance.display_name == "loved" else None

    plug(cloud, api_delete_pre)
    loved, other = cloud.active("loved"), cloud.active("other")
    before = written(cloud)
    assert refusal(cloud.delete(f"/servers/{loved}")) == "It is loved."
    assert written(cloud) == before
    assert cloud.delete(f"/servers/{loved}", token="stranger").status_code == 404
    assert cloud.delete(f"/servers/{other}").status_code == 204
    assert cloud.delete(f"/servers/{other}").status_code == 204  # under way
    assert asked == [("ann", loved, "active", "host1"), ("ann", other, "active", "host1")]


def test_a_veto_that_lies_refuses_and_is_named(cloud):
    lies = [True, "", 7, ["no"]]

    def api_create_pre():
        return lies.pop()

    plug(cloud, api_create_pre)
    before = written(cloud)
    while lies:
        assert refusal(create(cloud)) == "The plug-in guard has failed, so the request is refused."
    assert written(cloud) == before


def test_a_veto_that_raises_refuses_and_is_switched_off_and_says_so(cloud):
    asked = []

    def api_create_pre():
        asked.append(1)
        raise RuntimeError("secret")

    plug(cloud, api_create_pre)
    words = [refusal(create(cloud)) for _ in range(6)]
    assert words[:5] == ["The plug-in guard has failed, so the request is refused."] * 5
    assert words[5] == "The plug-in guard is switched off after faults, so the request is refused."
    assert len(asked) == 5
    assert cloud.hooks.alarms() == ["hook plug-in guard (veto) is switched off after faults: RuntimeError: secret"]
    assert cloud.get("/servers").status_code == 200


def test_a_veto_that_hangs_ends_one_request_in_bounded_time_and_holds_up_no_other(cloud, hang):
    answers, entered = [], threading.Event()

    def api_create_pre(spec):
        if spec.flavor.name == "big":
            entered.set()
            hang.wait()

    plug(cloud, api_create_pre, timeout_s=1)
    before = written(cloud)
    waiting = threading.Thread(target=lambda: answers.append(create(cloud, BIG)))
    waiting.start()
    assert entered.wait(20)
    seen = cloud.get("/servers")
    waiting.join(20)
    assert seen.status_code == 200
    assert refusal(answers[0]) == "The plug-in guard has not answered within 1 s, so the request is refused."
    assert written(cloud) == before
    assert create(cloud, SMALL).status_code == 202  # in another thread of the plug-in
    assert cloud.hooks.alarms() == ["hook plug-in guard (veto) hangs: 1 of its calls has not come back"]


def test_what_a_plug_in_does_to_its_arguments_stays_with_it(cloud):
    def api_create_pre(context, spec):
        spec.flavor.extra_specs["trait:CUSTOM_SPOILED"] = "required"
        spec.scheduler_hints["spoiled"] = ["yes"]

    plug(cloud, api_create_pre)
    assert create(cloud, BIG).status_code == 202
    (row,) = cloud.db.read(lambda c: c.execute(schema.instances.select()).all())
    assert "spoiled" not in (row.spec + row.flavor).lower()
    assert cloud.get("/flavors/2", token="admin").json["flavor"]["extra_specs"] == {"hw:cpu_policy": "shared"}


def test_observers_hear_what_was_accepted(cloud):
    heard = []

    def api_create_post(context, instances):
        heard.append(("created", context.user_id, [(i.display_name, i.vm_state) for i in instances]))

    def api_delete_post(context, instance):
        heard.append(("deleted", instance.uuid, instance.vm_state, instance.task_state))

    def state_changed(instance, old_vm_state):
        heard.append((old_vm_state, instance.vm_state))

    plug(cloud, api_create_post, api_delete_post, state_changed)
    assert create(cloud, max_count=2).status_code == 202
    uuid = cloud.active("vm")
    cloud.db.write("test", lambda c: c.execute(schema.services.update().values(last_seen_at=0.0)))  # its host is down
    for _ in range(2):
        cloud.delete(f"/servers/{uuid}")
    assert cloud.hooks.drain(20)
    building = (None, "building")
    assert heard == [
        ("created", "ann", [("vm-1", "building"), ("vm-2", "building")]), building, building,
        ("created", "ann", [("vm", "building")]), building,
        ("deleted", uuid, "deleted", None), ("active", "deleted"),
    ]  # fmt: skip


def test_a_crash_between_commit_and_call_swallows_a_fact_and_no_server(cloud):
    """The contract's word: whoever needs every fact compares with the API."""
    heard = []

    def api_create_post():
        heard.append(1)

    def die(point):
        if point == "api.create.after":
            raise crash.SimulatedCrash(point)

    plug(cloud, api_create_post)
    crash.install(die)
    try:
        with pytest.raises(crash.SimulatedCrash):
            create(cloud)
    finally:
        crash.install(None)
    assert len(cloud.get("/servers").json["servers"]) == 1
    assert cloud.hooks.drain(20)
    assert heard == []


# Admin resources.


def weather(query):
    if "day" not in query:
        raise ValueError("Say which day.")
    return {"weather": {"day": query["day"], "rain_mm": 3}}


def plug_routes(cloud, *routes):
    def api_routes():
        return routes

    plug(cloud, api_routes, timeout_s=1)
    cloud.hooks.call("api_routes")


def test_a_plug_in_adds_an_admin_resource_in_all_microversions(cloud):
    plug_routes(cloud, AdminRoute("weather/local", weather))
    for version in ("2.1", "2.96", None):
        answer = cloud.get("/os-plugins/guard/weather/local?day=1&day=2", token="admin", mv=version)
        assert (answer.status_code, answer.json) == (200, {"weather": {"day": "2", "rain_mm": 3}})
        assert answer.headers["content-type"].startswith("application/json")


def test_it_is_for_administrators_and_what_the_caller_gets_wrong_is_said(cloud):
    plug_routes(cloud, AdminRoute("weather", weather))
    assert cloud.get("/os-plugins/guard/weather?day=1").status_code == 403
    assert cloud.get("/os-plugins/guard/weather?day=1", token=None).status_code == 401
    answer = cloud.get("/os-plugins/guard/weather", token="admin")
    assert (answer.status_code, answer.json["badRequest"]["message"]) == (400, "Say which day.")
    for path in ("/os-plugins/guard/weather/1", "/os-plugins/guard/%00", "/os-plugins/other/weather"):
        assert cloud.get(path, token="admin").status_code == 404, path
    assert cloud.post("/os-plugins/guard/weather", {}, token="admin").status_code == 404


def test_a_resource_that_fails_is_an_error_that_names_the_plug_in_and_one_that_hangs_is_unavailable(cloud, hang):
    plug_routes(
        cloud,
        AdminRoute("broken", lambda query: query["password"]),
        AdminRoute("huge", lambda query: ["x" * 1024] * 1024),
        AdminRoute("hangs", lambda query: hang.wait()),
    )
    answers = {path: cloud.get(f"/os-plugins/guard/{path}", token="admin") for path in ("broken", "huge", "hangs")}
    told = {path: (a.status_code, next(iter(a.json.values()))["message"]) for path, a in answers.items()}
    assert told == {
        "broken": (500, "The plug-in guard has failed: KeyError."),
        "huge": (500, "The plug-in guard has failed: OverflowError."),
        "hangs": (503, "The plug-in guard has not answered within 1 s."),
    }
