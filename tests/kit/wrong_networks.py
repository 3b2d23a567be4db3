"""Network backends that break the contract, and one that does not; ``caught_by`` names the tests that must say so."""

import itertools
import uuid
from collections import namedtuple

import pytest

from corenova.contracts.network import NONE
from corenova.exceptions import InvalidInput, NotFound
from corenova.objects.network import Firewall, FixedIP, Nic
from corenova.testing.suites import NetworkBackendSuite

NET = "44444444-4444-4444-8444-444444444444"
OWN = "test_each_server_gets_interfaces_of_its_own"
RELEASE = "test_a_release_is_harmless_twice_and_for_servers_without_ports"
Plan = namedtuple("Plan", "is_empty")


class Fine:
    """One network in memory, with room for ten."""

    def start(self, db, conf):
        self.ports, self.numbers = {}, itertools.count(1)

    def plan(self, context, wanted, *, groups, count):
        if wanted == NONE:
            return Plan(True)
        for one in wanted:
            if one.network_id != NET:
                raise InvalidInput("There is no such network.")
        return Plan(False)

    def allocate(self, connection, plan, servers):
        return [[self.make(one)] for one, _ in servers]

    def make(self, server):
        taken = {nic.fixed_ips[0].address for nics in self.ports.values() for nic in nics}
        free = next((f"10.0.0.{n}" for n in range(1, 11) if f"10.0.0.{n}" not in taken), None)
        if free is None:
            raise InvalidInput("The network is full.")
        address = FixedIP(address=free, subnet_id="s", cidr="10.0.0.0/24")
        mac = f"52:54:00:00:00:{next(self.numbers):02x}"
        nic = Nic(
            port_id=str(uuid.uuid4()), network_id=NET, network_name="net", mac=mac, fixed_ips=(address,), kind="nat"
        )
        self.ports.setdefault(server, []).append(nic)
        return nic

    def release(self, connection, instance_uuids):
        for one in instance_uuids:
            self.ports.pop(one, None)

    def attach(self, connection, context, instance_uuid, wanted):
        return self.make(instance_uuid)

    def detach(self, connection, instance_uuid, port_id):
        nics = self.ports.get(instance_uuid, [])
        nics[:] = [nic for nic in nics if nic.port_id != port_id]

    def firewalls(self, connection, instance_uuids):
        return {
            one: [Firewall(port_id=nic.port_id, rules=()) for nic in self.ports[one]]
            for one in instance_uuids
            if self.ports.get(one)
        }

    def affected(self, connection, instance_uuids):
        return []

    def plugged(self, connection, instance_uuids):
        pass

    def security_groups(self, connection, instance_uuid):
        return []

    def change_security_group(self, connection, context, instance_uuid, name, *, add):
        raise NotFound(f"There is no group {name}.")


class KeyErrors(Fine):
    def plan(self, context, wanted, *, groups, count):
        return Plan(True) if wanted == NONE else Plan({NET: False}[wanted[0].network_id])


class OneListForAll(Fine):
    def allocate(self, connection, plan, servers):
        return [[self.make(one) for one, _ in servers]]


class OneMacForAll(Fine):
    def start(self, db, conf):
        super().start(db, conf)
        self.numbers = itertools.repeat(7)


class ReleasesOnce(Fine):
    def release(self, connection, instance_uuids):
        for one in instance_uuids:
            del self.ports[one]


class Leaks(Fine):
    def release(self, connection, instance_uuids):
        pass


class DetachesOnce(Fine):
    def detach(self, connection, instance_uuid, port_id):
        nics = self.ports[instance_uuid]
        nics.remove(next(nic for nic in nics if nic.port_id == port_id))


class FirewallsForAll(Fine):
    def firewalls(self, connection, instance_uuids):
        return {one: [] for one in instance_uuids} | super().firewalls(connection, instance_uuids)


class AnyGroupWillDo(Fine):
    def change_security_group(self, connection, context, instance_uuid, name, *, add):
        pass


class NeverEmpty(Fine):
    def plan(self, context, wanted, *, groups, count):
        return Plan(False)


CAUGHT = {
    Fine: (),
    KeyErrors: ("test_a_network_or_port_that_is_not_there_is_refused",),
    OneListForAll: (OWN,),
    OneMacForAll: (OWN,),
    ReleasesOnce: (RELEASE,),
    Leaks: (RELEASE,),
    DetachesOnce: ("test_one_more_port_comes_and_goes",),
    FirewallsForAll: ("test_a_server_without_ports_is_no_error",),
    AnyGroupWillDo: ("test_a_security_group_that_is_not_there_is_not_found",),
    NeverEmpty: ("test_who_wants_none_gets_none",),
}


class WithNetwork(NetworkBackendSuite):
    @pytest.fixture
    def network(self):
        return NET


for written, caught_by in CAUGHT.items():
    name = f"Test{written.__name__}"
    globals()[name] = type(name, (WithNetwork,), {"plugin": written, "caught_by": caught_by})
