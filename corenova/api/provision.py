"""POST /servers turned into truth: quota, rows and actions of many requests in one transaction, then one hint.

The transaction is the acceptance: after it the request can only end in ACTIVE or ERROR, whatever dies. Requests that
come while a transaction is under way share the next one (corenova/coalesce.py).
"""

import contextlib
import itertools
import re

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova.coalesce import Coalescer
from corenova.contracts.backends import Backends
from corenova.contracts.network import NetworkPlan
from corenova.db import actions, instances, membership, quotas
from corenova.db.engine import Database
from corenova.db.work import HINT_GRACE_S
from corenova.events import Events
from corenova.exceptions import BackendFault, Conflict, InvalidInput, OverQuota
from corenova.objects.context import RequestContext, new_uuid
from corenova.objects.request_spec import RequestSpec
from corenova.objects.work import StepArgs
from corenova.rpc.conductor import ConductorAPI

_LINGER_S = 0.008
"""How long a request waits for others to share its transaction with, while others come at all."""


class CreateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A checked request for servers.

    :param min_count: the fewest that make sense; quota may lower the number from max_count down to this.
    :param hostname: None means: made from the name.
    :param key_data: the public key that ``key_name`` means now; the server keeps it.
    :param admin_pass: what the guest is told as its password; forgotten once it is built.
    :param network: which ports they get (contracts.network); None: none.
    """

    name: str
    spec: RequestSpec
    hostname: str | None = None
    description: str | None = None
    min_count: int = 1
    max_count: int = 1
    metadata: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    key_name: str | None = None
    key_data: str | None = None
    user_data: str | None = None
    config_drive: bool = False
    admin_pass: str | None = None
    network: NetworkPlan | None = None


class Created(msgspec.Struct, frozen=True):
    """What was accepted."""

    uuids: list[str]
    reservation_id: str


class _Ticket(msgspec.Struct, frozen=True):
    """A request with the names of what it will create: a transaction that is run again creates the same servers."""

    context: RequestContext
    request: CreateRequest
    uuids: list[str]
    reservation_id: str


class Provisioner:
    """Accepts servers. Thread-safe; one for the process."""

    def __init__(self, conf: cfg.ConfigOpts, db: Database, conductor: ConductorAPI, events: Events, backends: Backends):
        self._db = db
        self._backends = backends
        self._conductor = conductor
        self._events = events
        self._deadline_s = float(conf.conductor.build_deadline_s)
        self._limits = {"instances": conf.quota.instances, "cores": conf.quota.cores, "ram_mb": conf.quota.ram}
        self._member_limit = conf.quota.server_group_members
        self._accept = Coalescer(self._create_all, max_batch=64, linger_s=_LINGER_S)

    def create(self, context: RequestContext, request: CreateRequest) -> Created:
        """Accept the request durably and set it going.

        :raises Vetoed: a plug-in refuses; nothing was created.
        :raises OverQuota: fewer than ``min_count`` are allowed; nothing was created.
        :raises InvalidInput: the server group is gone, or a subnet is exhausted.
        :raises Conflict: a port or an address has been taken meanwhile.
        :raises BackendFault: the network service has failed.
        """
        if self._events.hooks.listens("api_create_pre"):
            self._ask(context, request)
        uuids = [new_uuid() for _ in range(request.max_count)]
        return self._accept.submit(_Ticket(context, request, uuids, f"r-{new_uuid()[:8]}"))

    def _ask(self, context: RequestContext, request: CreateRequest) -> None:
        def usage() -> dict[str, int]:
            used = self._db.read(lambda connection: quotas.usage(connection, context.project_id))
            return {"instances": used["instances"], "cores": used["cores"], "ram": used["ram_mb"]}

        self._events.hooks.ask(
            "api_create_pre", context=context, spec=request.spec, count=request.max_count, usage=usage
        )

    def _create_all(self, tickets: list[_Ticket]) -> list[Created | Exception]:
        tries = itertools.count()

        def accept(connection: sa.Connection) -> tuple[list, list[dict]]:
            # A commit whose answer was lost is tried again: what it has written then must not be written twice.
            done = self._accepted(connection, tickets) if next(tries) else {}
            left = [ticket for ticket in tickets if ticket.reservation_id not in done]
            fresh, rows = self._insert(connection, left) if left else ([], [])
            new = iter(fresh)
            return [done.get(ticket.reservation_id) or next(new) for ticket in tickets], rows

        outcomes, rows = self._db.write("api.create", accept)
        if rows:
            self._tell(tickets, rows)
            self._conductor.schedule_and_build_instances([row["uuid"] for row in rows])
        return outcomes

    def _tell(self, tickets: list[_Ticket], rows: list[dict]) -> None:
        if not (self._events.wanted or self._events.hooks.listens("api_create_post")):
            return
        made: dict[str, list[instances.Instance]] = {}
        for row in rows:
            made.setdefault(row["reservation_id"], []).append(_as_instance(row))
        for ticket in tickets:
            created = made.get(ticket.reservation_id, [])
            if created:  # not refused
                self._events.hooks.call("api_create_post", context=ticket.context, instances=created)
                self._events.state_changed((instance, None) for instance in created)

    def _accepted(self, connection: sa.Connection, tickets: list[_Ticket]) -> dict[str, Created]:
        written = set(instances.existing(connection, [uuid for ticket in tickets for uuid in ticket.uuids]))
        kept = {t.reservation_id: [uuid for uuid in t.uuids if uuid in written] for t in tickets}
        return {reservation: Created(uuids, reservation) for reservation, uuids in kept.items() if uuids}

    def _insert(self, connection: sa.Connection, tickets: list[_Ticket]) -> tuple[list, list[dict]]:
        outcomes: list[Created | Exception] = []
        rows: list[dict] = []
        together = self._reserve_together(connection, tickets)
        for ticket in tickets:
            try:
                with connection.begin_nested() if _has_ports(ticket) else contextlib.nullcontext():
                    count = ticket.request.max_count if together else self._reserve(connection, ticket)
                    made = _rows(ticket, count, self._deadline_s)
                    if _has_ports(ticket):
                        self._give_ports(connection, ticket, made)
            except (OverQuota, InvalidInput, Conflict, BackendFault) as refusal:
                outcomes.append(refusal)
                continue
            rows += made
            outcomes.append(Created([row["uuid"] for row in made], made[0]["reservation_id"]))
        if rows:
            instances.insert(connection, rows)
            actions.record(connection, [_action(row) for row in rows])
        return outcomes, rows

    def _give_ports(self, connection: sa.Connection, ticket: _Ticket, rows: list[dict]) -> None:
        """Give each server its ports, in the transaction that makes it: neither can be without the other."""
        servers = [(row["uuid"], row["hostname"]) for row in rows]
        nics = self._backends.networks.allocate(connection, ticket.request.network, servers)
        for row, its_own in zip(rows, nics, strict=True):
            row["network_info"] = _json(its_own)

    def _reserve_together(self, connection: sa.Connection, tickets: list[_Ticket]) -> bool:
        """Reserve all at once when it is that simple: one project, no groups, everything within quota."""
        projects = {ticket.context.project_id for ticket in tickets}
        if len(projects) > 1 or any(t.request.spec.instance_group_uuid or _has_ports(t) for t in tickets):
            return False  # each may be refused by itself
        total = {"instances": 0, "cores": 0, "ram_mb": 0}
        for ticket in tickets:
            for name, amount in _amounts(ticket.request, ticket.request.max_count).items():
                total[name] += amount
        try:
            quotas.reserve(connection, projects.pop(), total, self._limits)
        except OverQuota:
            return False
        return True

    def _reserve(self, connection: sa.Connection, ticket: _Ticket) -> int:
        """Reserve quota for as many servers of one request as it allows; returns how many."""
        request, project_id = ticket.request, ticket.context.project_id
        if request.spec.instance_group_uuid:
            self._check_group(connection, request)
        try:
            quotas.reserve(connection, project_id, _amounts(request, request.max_count), self._limits)
            return request.max_count
        except OverQuota:
            count = self._headroom(connection, project_id, request)
            if count < request.min_count:
                raise
        quotas.reserve(connection, project_id, _amounts(request, count), self._limits)
        return count

    def _headroom(self, connection: sa.Connection, project_id: str, request: CreateRequest) -> int:
        used = quotas.usage(connection, project_id)
        room = [
            (self._limits[name] - used[name]) // amount
            for name, amount in _amounts(request, 1).items()
            if self._limits[name] != quotas.UNLIMITED and amount
        ]
        return min(room, default=0)

    def _check_group(self, connection: sa.Connection, request: CreateRequest) -> None:
        group_uuid = request.spec.instance_group_uuid
        if not membership.lock(connection, group_uuid):
            raise InvalidInput(f"Server group {group_uuid} could not be found.")
        members = membership.count(connection, group_uuid)
        if self._member_limit != quotas.UNLIMITED and members + request.max_count > self._member_limit:
            raise OverQuota("Quota exceeded, too many servers in group")


def _has_ports(ticket: _Ticket) -> bool:
    return ticket.request.network is not None and not ticket.request.network.is_empty


def _amounts(request: CreateRequest, count: int) -> dict[str, int]:
    flavor = request.spec.flavor
    return {"instances": count, "cores": flavor.vcpus * count, "ram_mb": flavor.memory_mb * count}


def _rows(ticket: _Ticket, count: int, deadline_s: float) -> list[dict]:
    request, context = ticket.request, ticket.context
    spec = msgspec.structs.replace(request.spec, num_instances=count) if count > 1 else request.spec
    shared = {
        "project_id": context.project_id,
        "user_id": context.user_id,
        "reservation_id": ticket.reservation_id,
        "display_description": request.description,
        "key_name": request.key_name,
        "key_data": request.key_data,
        "user_data": request.user_data,
        "config_drive": request.config_drive,
        "step_args": _json(StepArgs(admin_pass=request.admin_pass)) if request.admin_pass else None,
        "network_info": None,
        "metadata": _json(request.metadata),
        "tags": _json(request.tags),
        "flavor": _json(spec.flavor),
        "image": _json(spec.image) if spec.image else None,
        "vcpus": spec.flavor.vcpus,
        "memory_mb": spec.flavor.memory_mb,
        "group_uuid": spec.instance_group_uuid,
        "spec": _json(spec),
        "request_id": context.request_id,
        "deadline_s": deadline_s,
        "hint_grace_s": HINT_GRACE_S,
    }
    rows = []
    for index in range(count):
        name = request.name if request.max_count == 1 else f"{request.name}-{index + 1}"
        instance_uuid = ticket.uuids[index]
        hostname = request.hostname or sanitize_hostname(name) or f"Server-{instance_uuid}"
        rows.append(
            {"uuid": instance_uuid, "launch_index": index, "display_name": name, "hostname": hostname, **shared}
        )
    return rows


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _action(row: dict) -> dict:
    return {
        "instance_uuid": row["uuid"],
        "request_id": row["request_id"],
        "action": "create",
        "user_id": row["user_id"],
        "project_id": row["project_id"],
    }


def _as_instance(row: dict) -> instances.Instance:
    return instances.Instance(
        uuid=row["uuid"],
        display_name=row["display_name"],
        hostname=row["hostname"],
        project_id=row["project_id"],
        user_id=row["user_id"],
        flavor=instances.decode_flavor(row["flavor"]),
        image=instances.decode_image(row["image"]) if row["image"] else None,
        task_state="scheduling",
    )


def sanitize_hostname(name: str) -> str:
    """Return ``name`` as a host name label (Nova's rule): lower case, a-z 0-9 . _ -, at most 63 characters."""
    label = re.sub(r"[ _.]", "-", name.strip().lower())
    label = re.sub(r"[^a-z0-9-]+", "", label).strip("-.")
    return label[:63].rstrip("-")
