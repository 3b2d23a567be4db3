"""The network contract (corenova/contracts/network.py) as tests, of what holds for every backend."""

import uuid
from typing import ClassVar

import pytest

from corenova import loader
from corenova.contracts.network import NONE, NetworkBackend, NetworkPlan
from corenova.exceptions import InvalidInput, NotFound
from corenova.objects.network import Firewall, Nic, WantedNic
from corenova.testing.suites.backend_ground import RUBBISH, UNKNOWN, BackendGround
from corenova.testing.words import contract

VERBS = (
    "start", "plan", "allocate", "release", "attach", "detach", "firewalls", "affected", "plugged", "security_groups",
    "change_security_group",
)  # fmt: skip


class NetworkBackendSuite(BackendGround):
    """A network backend keeps the contract; inherit, name it, and override ``network`` where it has one to show."""

    group: ClassVar[str] = loader.NETWORK_BACKENDS

    @pytest.fixture
    def network(self, backend):
        """The id of a network with room for ten, which the project of ``context`` may use; None: tests are skipped."""
        return

    @pytest.fixture
    def wanted(self, network):
        """What a request for a server asks of the network: one interface."""
        if network is None:
            pytest.skip("the fixture network gives none")
        return [WantedNic(network_id=network)]

    @pytest.fixture
    def allocate(self, backend, context, wanted, within):
        """Return a function that gives ports to servers and returns their interfaces."""

        def give(*uuids):
            plan = backend.plan(context, wanted, groups=(), count=len(uuids))
            return within(lambda c: backend.allocate(c, plan, [(one, "vm") for one in uuids]))

        return give

    @contract(NetworkBackend)
    def test_every_verb_is_there(self, backend):
        """Whatever is missing is named."""
        self.check_verbs(backend, *VERBS)

    @contract(NetworkPlan.is_empty)
    def test_who_wants_none_gets_none(self, backend, context):
        """Nothing else is called for such a server."""
        assert backend.plan(context, NONE, groups=(), count=1).is_empty is True

    @contract(NetworkBackend.plan)
    @pytest.mark.parametrize("unknown", RUBBISH)
    @pytest.mark.parametrize("what", ["network_id", "port_id"])
    def test_a_network_or_port_that_is_not_there_is_refused(self, backend, context, what, unknown):
        """Whatever is sent as its id."""
        with pytest.raises(InvalidInput):
            backend.plan(context, [WantedNic(**{what: unknown or UNKNOWN})], groups=(), count=1)

    @contract(NetworkBackend.allocate)
    def test_each_server_gets_interfaces_of_its_own(self, allocate, network):
        """One list a server, and nothing in it that another one has."""
        uuids = [str(uuid.uuid4()) for _ in range(3)]
        given = allocate(*uuids)
        assert [len(nics) for nics in given] == [1, 1, 1]
        nics = [nic for one in given for nic in one]
        assert all(isinstance(nic, Nic) and nic.network_id == network for nic in nics)
        for what in ("port_id", "mac"):
            assert len({getattr(nic, what) for nic in nics}) == 3, f"two servers have the same {what}"
        addresses = [ip.address for nic in nics for ip in nic.fixed_ips]
        assert len(set(addresses)) == len(addresses), "two servers have the same address"

    @contract(NetworkBackend.release)
    def test_a_release_is_harmless_twice_and_for_servers_without_ports(self, backend, allocate, within):
        """What was given back can be given again."""
        for _ in range(4):  # the network has room for ten
            uuids = [str(uuid.uuid4()) for _ in range(3)]
            allocate(*uuids)
            for _ in range(2):
                within(lambda c, u=uuids: backend.release(c, u))
            assert within(lambda c, u=uuids: backend.firewalls(c, u)) == {}
        within(lambda c: backend.release(c, [UNKNOWN]))
        within(lambda c: backend.release(c, []))

    @contract(NetworkBackend)
    def test_a_transaction_that_is_rolled_back_leaves_nothing_after_a_release(
        self, backend, context, wanted, allocate, within, in_vain
    ):
        """Whether the backend lives in the database or elsewhere."""
        for _ in range(4):
            servers = [(str(uuid.uuid4()), "vm") for _ in range(3)]
            plan = backend.plan(context, wanted, groups=(), count=3)
            in_vain(lambda c, p=plan, s=servers: backend.allocate(c, p, s))
            within(lambda c, s=servers: backend.release(c, [one for one, _ in s]))
        assert allocate(str(uuid.uuid4()))

    @contract(NetworkBackend.attach, NetworkBackend.detach)
    def test_one_more_port_comes_and_goes(self, backend, context, wanted, allocate, within):
        """Away twice, and none that it does not have."""
        me = str(uuid.uuid4())
        ((first,),) = allocate(me)
        second = within(lambda c: backend.attach(c, context, me, wanted[0]))
        assert isinstance(second, Nic) and second.port_id != first.port_id
        for port_id in (second.port_id, second.port_id, UNKNOWN):
            within(lambda c, p=port_id: backend.detach(c, me, p))
        ((left,),) = within(lambda c: backend.firewalls(c, [me])).values()
        assert left.port_id == first.port_id

    @contract(NetworkBackend.firewalls, NetworkBackend.affected)
    def test_every_port_has_a_firewall(self, backend, allocate, within):
        """And servers without ports have none."""
        me, other = str(uuid.uuid4()), str(uuid.uuid4())
        given = allocate(me, other)
        found = within(lambda c: backend.firewalls(c, [me, other, UNKNOWN]))
        assert all(isinstance(one, Firewall) for one in found[me])
        assert {k: [one.port_id for one in v] for k, v in found.items()} == {
            one: [nic.port_id for nic in nics] for one, nics in zip((me, other), given, strict=True)
        }
        assert set(within(lambda c: backend.affected(c, [me]))) <= {other}

    @contract(NetworkBackend)
    def test_a_server_without_ports_is_no_error(self, backend, within):
        """Of those that ask what it has."""
        assert within(lambda c: backend.firewalls(c, [UNKNOWN])) == {}
        assert list(within(lambda c: backend.affected(c, [UNKNOWN]))) == []
        assert list(within(lambda c: backend.security_groups(c, UNKNOWN))) == []
        within(lambda c: backend.plugged(c, [UNKNOWN]))
        within(lambda c: backend.detach(c, UNKNOWN, UNKNOWN))

    @contract(NetworkBackend.change_security_group)
    @pytest.mark.parametrize("add", [True, False])
    def test_a_security_group_that_is_not_there_is_not_found(self, backend, context, allocate, within, add):
        """To put a server in, or to take it out."""
        me = str(uuid.uuid4())
        allocate(me)
        with pytest.raises(NotFound):
            within(lambda c: backend.change_security_group(c, context, me, UNKNOWN, add=add))
