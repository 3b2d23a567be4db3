"""What one can ask of a conductor; its side of the wire is conductor/manager.py."""

from collections.abc import Sequence

from corenova.objects.host_state import HostReport
from corenova.objects.network import InstanceFirewall
from corenova.objects.plugin_account import ServiceReport
from corenova.objects.work import GuestSeen, HostGuests, Report, Verdicts, WorkOrder
from corenova.rpc.transport import Caller

TOPIC = "conductor"


class ConductorAPI:
    """Verbs of the conductor. Casts are hints and return at once; calls raise Unavailable when nobody answers."""

    def __init__(self, transport: object, *, timeout_s: float):
        self._caller = Caller(transport, TOPIC, namespace=TOPIC)
        self._timeout_s = timeout_s

    def schedule_and_build_instances(self, instance_uuids: Sequence[str]) -> bool:
        """Hint: these rows wait to be scheduled. False when the hint reached nobody (the sweeper finds the rows)."""
        return self._caller.cast("schedule_and_build_instances", instance_uuids=list(instance_uuids))

    def rebuild_instance(self, instance_uuids: Sequence[str]) -> bool:
        """Hint: these rows wait for their rebuild to be checked."""
        return self._caller.cast("rebuild_instance", instance_uuids=list(instance_uuids))

    def hello(self) -> dict[str, object]:
        """What a compute must know before it starts: ``deployment_id``, ``lease_s``, and when builds and snapshots are
        given up: ``build_deadline_s``, ``snapshot_deadline_s``."""
        return self._call("hello")

    def register_compute(
        self, address: str, incarnation: str, reports: Sequence[HostReport], told: ServiceReport
    ) -> None:
        """A compute has started and serves these hosts; frees what its former incarnation held."""
        who = {"address": address, "incarnation": incarnation}
        self._call("register_compute", **who, reports=list(reports), told=told)

    def report_hosts(self, address: str, reports: Sequence[HostReport]) -> None:
        """The facts of hosts, as they are now."""
        self._call("report_hosts", address=address, reports=list(reports))

    def heartbeat(self, address: str, incarnation: str, told: ServiceReport) -> bool:
        """The compute at ``address`` lives, with all its hosts. False: register again."""
        return self._call("heartbeat", address=address, incarnation=incarnation, told=told)

    def withdraw_compute(self, address: str, incarnation: str, told: ServiceReport) -> None:
        """The compute stops in good order; its guests go on running."""
        self._call("withdraw_compute", address=address, incarnation=incarnation, told=told)

    def begin_work(self, address: str, instance_uuids: Sequence[str]) -> list[WorkOrder]:
        """Take the leases on these rows and get the orders; may be fewer than asked for."""
        return self._call("begin_work", address=address, instance_uuids=list(instance_uuids))

    def extend_work(self, address: str, held: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
        """Still at it: (uuid, generation). Returns those that were given to somebody else meanwhile."""
        lost = self._call("extend_work", address=address, held=[list(pair) for pair in held])
        return {(uuid, generation) for uuid, generation in lost}

    def report_work(self, address: str, reports: Sequence[Report]) -> list[list[str]]:
        """Results. Returns [host, uuid] of guests that must not stay: their report came too late."""
        return self._call("report_work", address=address, reports=list(reports))

    def reconcile(self, address: str, hosts: Sequence[HostGuests]) -> Verdicts:
        """Compare what runs with what should."""
        return self._call("reconcile", address=address, hosts=list(hosts))

    def settle_guests(self, address: str, seen: Sequence[GuestSeen]) -> None:
        """Guests that differed from their rows, as a second look has shown them."""
        self._call("settle_guests", address=address, seen=list(seen))

    def firewalls(self, address: str, instance_uuids: Sequence[str] | None = None) -> list[InstanceFirewall]:
        """What may pass the ports of these instances of the compute; None: of all."""
        uuids = None if instance_uuids is None else list(instance_uuids)
        return self._call("firewalls", address=address, instance_uuids=uuids)

    def _call(self, verb: str, **arguments: object) -> object:
        return self._caller.call(verb, timeout_s=self._timeout_s, **arguments)
