"""The guards of image and network backends: contract errors come out, faults and lies are 503."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_db.exception import DBDeadlock

from corenova import loader
from corenova.api import faults
from corenova.exceptions import BackendFault, Conflict, InvalidInput, NotFound, OverQuota, PluginError, Unavailable
from corenova.guards.breakers import BreakerSet
from corenova.image.store import EmbeddedImages
from corenova.network.backend import EmbeddedNetwork
from corenova.objects.image import ImageAccess
from corenova.objects.network import Firewall, Nic
from corenova.objects.request_spec import ImageMeta
from tests.unit.guards.conftest import guarded_backend, silence

SERVERS = [("u1", "one"), ("u2", "two")]
NIC = Nic(port_id="p", network_id="n", network_name="net", mac="52:54:00:00:00:01")
IMAGE = ImageMeta(id="i", name="cirros")
RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from([NIC, IMAGE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


class Backend:
    """Returns, or raises, ``answer`` whatever it is asked."""

    answer = None

    def __init__(self, like):
        self.calls = 0
        for verb in vars(like):
            if not verb.startswith("_"):
                setattr(self, verb, self._answer)

    def _answer(self, *arguments, **named):
        self.calls += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def networks(**overrides):
    return guarded_backend(Backend(EmbeddedNetwork), loader.NETWORK_BACKENDS, **overrides)


def images(**overrides):
    return guarded_backend(Backend(EmbeddedImages), loader.IMAGE_BACKENDS, **overrides)


def answering(guard, answer):
    guard.plugin.object.answer = answer
    return guard


@pytest.mark.parametrize("error", [NotFound("x"), InvalidInput("x"), Conflict("x"), OverQuota("x"), Unavailable("x")])
def test_the_errors_of_the_contract_are_answers(error):
    guard = answering(images(), error)
    with pytest.raises(type(error)) as caught:
        guard.find_image("i", "p")
    assert caught.value is error
    assert guard.plugin.told().faults == 0


def test_errors_of_the_database_are_for_whoever_has_the_transaction():
    guard = answering(networks(), DBDeadlock())
    with pytest.raises(DBDeadlock):
        guard.release(None, ["u1"])
    assert guard.plugin.told().faults == 0


def test_a_fault_is_503_and_its_words_stay_inside(caplog):
    guard = answering(networks(), RuntimeError("secret"))
    with pytest.raises(BackendFault) as caught:
        guard.release(None, ["u1"])
    code, _, body = faults.answer(caught.value, "req-1")
    assert (code, str(caught.value)) == (503, "The network service has failed. Try again later.")
    assert b"secret" not in body
    assert "network backend toy: release failed: RuntimeError: secret" in caplog.text
    assert guard.plugin.told().last_fault == "release: RuntimeError: secret"


def test_a_start_that_fails_is_one_line_for_the_operator():
    with pytest.raises(PluginError, match="The image backend toy of toys cannot be started: KeyError: 'url'"):
        answering(images(), KeyError("url")).start(None, None)


def test_a_backend_without_a_verb_is_refused():
    with pytest.raises(
        PluginError, match="The image backend toy of toys cannot be used: it has no find_image, reading"
    ):
        guarded_backend(SimpleNamespace(start=print), loader.IMAGE_BACKENDS)


def test_what_is_no_verb_is_the_backends_own():
    guard = guarded_backend(EmbeddedNetwork(), loader.NETWORK_BACKENDS)
    guard.grown()
    assert (guard._nothing_until, isinstance(guard.plugin.object, EmbeddedNetwork)) == (0.0, True)


ANSWERS = [
    (images, "find_image", ("i", "p"), lambda a: isinstance(a, ImageMeta)),
    (images, "reading", (None, "i"), lambda a: a is None or isinstance(a, ImageAccess)),
    (images, "writing", (None, "i"), lambda a: a is None or isinstance(a, ImageAccess)),
    (images, "has_bytes", (None, "i"), lambda a: isinstance(a, bool)),
    (networks, "plan", (None, "auto"), lambda a: isinstance(a.is_empty, bool)),
    (networks, "allocate", (None, None, SERVERS), lambda a: [type(nic) for nics in a for nic in nics] or len(a) == 2),
    (networks, "attach", (None, None, "u1", None), lambda a: isinstance(a, Nic)),
    (networks, "firewalls", (None, ["u1"]), lambda a: all(type(f) is Firewall for walls in a.values() for f in walls)),
    (networks, "affected", (None, ["u1"]), lambda a: all(isinstance(uuid, str) for uuid in a)),
]


@pytest.mark.parametrize(("make", "verb", "arguments", "is_true"), ANSWERS, ids=[verb for _, verb, _, _ in ANSWERS])
def test_whatever_is_returned_a_true_answer_comes_out_or_a_fault(make, verb, arguments, is_true):
    guard = make(plugins__breaker_faults=0)

    @settings(max_examples=25, deadline=None)
    @given(RUBBISH)
    def lies(answer):
        before = guard.plugin.told().faults
        try:
            told = getattr(answering(guard, answer), verb)(*arguments)
        except BackendFault:
            assert guard.plugin.told().faults == before + 1
        else:
            assert is_true(told)

    with silence():
        lies()
    assert guard.plugin.told().faults


def test_each_server_gets_its_own_list_of_interfaces():
    guard = networks()
    assert answering(guard, [[NIC], []]).allocate(None, None, SERVERS) == [[NIC], []]
    for lie in ([[NIC]], [[NIC], [IMAGE]], [[NIC], None], {"u1": [NIC], "u2": []}):
        with pytest.raises(BackendFault):
            answering(guard, lie).allocate(None, None, SERVERS)


def test_a_verb_that_fails_call_after_call_is_refused_at_once_and_the_others_go_on():
    guard = answering(networks(plugins__breaker_faults=3, plugins__breaker_open_s=3600.0), RuntimeError("poison"))
    for _ in range(3):
        with pytest.raises(BackendFault):
            guard.plan(None, "auto")
    calls = guard.plugin.object.calls
    with pytest.raises(BackendFault, match="The network service has failed"):
        guard.plan(None, "auto")
    assert guard.plugin.object.calls == calls
    assert guard.alarms() == ["plan of network backend toy is switched off after faults: RuntimeError: poison"]
    assert guard.plugin.told().breaker == "open"
    assert answering(guard, None).release(None, ["u1"]) is None


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt()], ids=type)
def test_a_trial_that_is_cut_off_is_over(error):
    guard = answering(networks(plugins__breaker_faults=1, plugins__breaker_open_s=3600.0), RuntimeError("poison"))
    with pytest.raises(BackendFault):
        guard.release(None, ["u1"])
    guard.plugin.account.breaker.known["release"].breaker._until = 0.0  # an hour later
    with pytest.raises(type(error)):
        answering(guard, error).release(None, ["u1"])
    assert answering(guard, None).release(None, ["u1"]) is None
    assert guard.plugin.told().breaker == "closed"


def test_a_call_that_is_no_trial_ends_none(clock):
    breakers = BreakerSet("{} of it", faults=1, open_s=10.0, clock=clock)
    breakers.ended("plan", fault="poison")
    clock.now += 11
    assert breakers.admits("plan")
    other = threading.Thread(target=breakers.let_go, args=("plan",))
    other.start()
    other.join()
    assert not breakers.admits("plan"), "the trial is under way"
    breakers.let_go("plan")
    assert breakers.admits("plan")


def test_an_open_breaker_lets_one_try_decide(clock):
    breakers = BreakerSet("{} of it", faults=2, open_s=10.0, clock=clock)
    for _ in range(2):
        assert breakers.admits("plan")
        breakers.ended("plan", fault="poison")
    assert (breakers.admits("plan"), breakers.admits("release"), breakers.is_open) == (False, True, True)
    clock.now += 11
    assert [breakers.admits("plan"), breakers.admits("plan")] == [True, False], "one is the trial, the others wait"
    assert not breakers.is_open
    breakers.ended("plan", fault="again")
    assert not breakers.admits("plan")
    clock.now += 21
    assert breakers.admits("plan")
    breakers.ended("plan")
    assert [breakers.admits("plan"), breakers.admits("plan")] == [True, True]
    assert (breakers.is_closed, breakers.alarms()) == (True, [])
