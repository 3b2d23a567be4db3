"""What users, operators and tests do with a cloud and see of it; corenova/testing/cloud.py has the services of it."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping

import sqlalchemy as sa

from corenova import audit
from corenova.api.instance_actions import InstanceActions
from corenova.api.provision import CreateRequest, Provisioner
from corenova.cmd import api
from corenova.cmd.parts import Parts
from corenova.contracts.driver import Driver
from corenova.db import actions, aggregates, decisions, instances
from corenova.db import hosts as hosts_db
from corenova.objects.context import RequestContext
from corenova.objects.decision import Decision
from corenova.objects.pci_alias import read_aliases
from corenova.objects.request_spec import Flavor, ImageMeta, RequestSpec
from corenova.objects.topology_wish import with_wish
from corenova.objects.work import HostGuests
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.conductor import ConductorAPI

NANO = Flavor(flavorid="1", name="m1.nano", vcpus=1, memory_mb=64, root_gb=1)
IMAGE = ImageMeta(id="11111111-1111-4111-8111-111111111111", name="cirros")
PROJECT = "p" * 32


class CloudUser:
    """Whoever asks a cloud for something.

    :ivar driver, other_driver: of its computes; None: there is none.
    :ivar parts: returns the parts of a service, or of the test.
    """

    driver: Driver | None
    other_driver: Driver | None
    parts: Callable[[str], Parts]

    # What a user does.

    @property
    def db(self):
        """The database, as the test looks at it."""
        return self.parts("test").db

    def context(self, project_id: str = PROJECT, roles: tuple[str, ...] = ("member", "reader")) -> RequestContext:
        """Return a caller with a request id of its own."""
        return RequestContext(
            request_id=f"req-{secrets.token_hex(16)}", user_id="u" * 32, project_id=project_id, roles=roles
        )

    def create_servers(
        self,
        count: int = 1,
        *,
        name: str = "server",
        flavor: Flavor = NANO,
        min_count: int | None = None,
        project_id: str = PROJECT,
        **spec: object,
    ) -> list[str]:
        """Ask for ``count`` servers in one request and return their uuids; ``spec`` are fields of RequestSpec."""
        context = self.context(project_id)
        wanted = RequestSpec(project_id=project_id, user_id=context.user_id, flavor=flavor, **{"image": IMAGE, **spec})
        wanted = with_wish(wanted, read_aliases(self.parts("test").conf.pci.alias))
        request = CreateRequest(name=name, spec=wanted, min_count=min_count or count, max_count=count)
        return self._provisioner().create(context, request).uuids

    def create_server(self, **arguments: object) -> str:
        """Ask for one server; see :meth:`create_servers`."""
        return self.create_servers(1, **arguments)[0]

    def action(self, uuid: str, step: str) -> None:
        """Ask for a start, stop or reboot (objects.states.Step)."""
        self._actions().request(self.context(), uuid, step)

    def delete(self, uuid: str) -> None:
        """Ask for a delete."""
        self._actions().delete(self.context(), uuid)

    def delete_server(self, uuid: str) -> None:
        """Ask for a delete and wait until the server is gone."""
        self.delete(uuid)
        self.wait_for(uuid, "deleted")

    def reset_state(self, uuid: str, vm_state: str) -> None:
        """Reset the state, as an operator."""
        self._actions().reset_state(self.context(roles=("admin",)), uuid, vm_state)

    def make_aggregate(self, name: str, hosts: Iterable[str], metadata: Mapping[str, str] | None = None) -> None:
        """Make a host aggregate of these hosts; on return the next decision knows it."""
        chosen = list(hosts)

        def write(connection: sa.Connection) -> None:
            made = aggregates.create(connection, name, None)
            aggregates.set_metadata(connection, made.id, dict(metadata or {}))
            for host in chosen:
                aggregates.add_host(connection, made.id, host)

        for host in chosen:
            self.wait(lambda host=host: self.db.read(lambda c: hosts_db.known(c, host)), what=f"{host} is known")
        self.db.write("test.aggregate", write)
        time.sleep(self.parts("test").conf.scheduler.refresh_interval_s)  # what the scheduler has read is older now

    def wsgi(self) -> dict[str, object]:
        """Return the HTTP applications over this cloud, by first path segment (cmd/api.py)."""
        return api.applications(self.parts("api"), 8774)

    def _provisioner(self) -> Provisioner:
        parts = self.parts("test")
        return Provisioner(parts.conf, parts.db, self._conductor(), parts.events, parts.backends)

    def _actions(self) -> InstanceActions:
        parts = self.parts("test")
        return InstanceActions(
            parts.conf,
            parts.db,
            parts.events,
            parts.backends,
            compute=ComputeAPI(parts.transport),
            conductor=self._conductor(),
        )

    def _conductor(self) -> ConductorAPI:
        parts = self.parts("test")
        return ConductorAPI(parts.transport, timeout_s=parts.conf.rpc_response_timeout)

    # What a test looks at.

    def server(self, uuid: str):
        """Return the row of a server, deleted or not (db.instances.get)."""
        return self.db.read(lambda connection: instances.get(connection, uuid, deleted=True))

    def servers(self, **query: object) -> list:
        """Return rows that match (db.instances.InstanceQuery)."""
        return list(self.db.read(lambda c: instances.find(c, instances.InstanceQuery(**query))))

    def events(self, uuid: str) -> list:
        """Return the action events of a server, the newest first."""
        return list(self.db.read(lambda connection: actions.list_events(connection, uuid)))

    def decision(self, uuid: str) -> Decision | None:
        """Return what the scheduler decided for a server."""
        return self.db.read(lambda connection: decisions.get(connection, uuid))

    def guests(self) -> dict[str, str]:
        """Return ``{uuid: host}`` of all guests."""
        return {guest.uuid: told.host for told in self._told() for guest in told.guests}

    def wait(self, condition: Callable[[], bool], *, what: str = "the condition", timeout_s: float = 30.0) -> None:
        """Wait until ``condition`` holds; fails the test with ``what`` after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come true within {timeout_s} s")
            time.sleep(0.01)

    def wait_for(self, uuids: list[str] | str, vm_state: str = "active", *, timeout_s: float = 30.0) -> None:
        """Wait until these servers are in ``vm_state`` and nothing more is to be done with them."""
        wanted = [uuids] if isinstance(uuids, str) else uuids

        def there() -> bool:
            return all(row.vm_state == vm_state and row.step is None for row in map(self.server, wanted))

        try:
            self.wait(there, timeout_s=timeout_s)
        except AssertionError:
            shown = [
                (r.uuid, r.vm_state, r.task_state, r.step, r.owner, r.fault_message) for r in map(self.server, wanted)
            ]
            raise AssertionError(f"not all are {vm_state} after {timeout_s} s: {shown[:5]}") from None

    def wait_active(self, *uuids: str, timeout_s: float = 30.0) -> None:
        """Wait until these servers are ACTIVE; one that ends in ERROR fails the test with its reason."""
        self._wait_built(uuids, "active", "error", timeout_s)

    def wait_error(self, *uuids: str, timeout_s: float = 30.0) -> None:
        """Wait until these servers are in ERROR; one that gets ACTIVE fails the test."""
        self._wait_built(uuids, "error", "active", timeout_s)

    def _wait_built(self, uuids: Iterable[str], wanted: str, wrong: str, timeout_s: float) -> None:
        for uuid in uuids:
            self.wait(lambda u=uuid: self.server(u).step is None, what=f"the end of {uuid}", timeout_s=timeout_s)
            row = self.server(uuid)
            assert row.vm_state != wrong, f"{row.display_name} ({uuid}) is {wrong}: {row.fault_message or row.host}"
            self.wait_for(uuid, wanted, timeout_s=timeout_s)

    def reason(self, uuid: str) -> str:
        """Return what the user reads of a server that is in ERROR; empty for others."""
        return self.server(uuid).fault_message or ""

    def wait_settled(self, *, timeout_s: float = 60.0) -> None:
        """Wait until no row has work left."""
        self.wait(
            lambda: not [row for row in self.servers(deleted=None) if row.step is not None],
            what="every piece of work is done",
            timeout_s=timeout_s,
        )

    def findings(self) -> list:
        """Return what the invariant checker finds now; see corenova/audit.py."""
        return audit.audit(self.db, self._told, pause_s=0.5).findings

    def _told(self) -> list[HostGuests]:
        drivers = [driver for driver in (self.driver, self.other_driver) if driver is not None]
        return [HostGuests(host=h, guests=tuple(driver.list_guests(h))) for driver in drivers for h in driver.hosts()]
