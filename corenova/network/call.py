"""One request to the network API as its handlers see it, and the transaction of one.

A handler says what it does to the database in a function of an :class:`Act`; which servers' firewalls have changed on
the way is told to the computes after the commit, once.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from corenova.db import network_quotas
from corenova.db.engine import Database
from corenova.exceptions import Forbidden
from corenova.network import errors
from corenova.objects.context import RequestContext
from corenova.policy import Enforcer, authorize

T = TypeVar("T")


class Service(msgspec.Struct, kw_only=True):
    """What the network API stands on.

    :param limits: the quota of projects without one of their own, by name (db/network_quotas.py).
    :param changed: called after a commit with the servers whose firewalls are no longer what they were.
    :param grown: called after a commit that may have made a network.
    """

    db: Database
    enforcer: Enforcer
    limits: dict[str, int]
    max_limit: int
    changed: Callable[[list[str]], None]
    grown: Callable[[], None] = lambda: None


class Act(msgspec.Struct, kw_only=True):
    """One transaction on behalf of a caller. It may be rolled back and made anew.

    :param touched: servers whose firewalls have changed.
    """

    connection: sa.Connection
    context: RequestContext
    service: Service
    touched: set[str] = msgspec.field(default_factory=set)

    def authorize(self, rule: str, **target: str) -> None:
        """Raise Forbidden unless the caller may."""
        authorize(self.service.enforcer, self.context, rule, target or None)

    def sees(self, rule: str) -> bool:
        """Tell whether the caller may do what ``rule`` guards in the own project; True when there is no such rule."""
        return rule not in self.service.enforcer.registered or self.service.enforcer.allows(self.context, rule)

    def owner(self, body: msgspec.Struct) -> str:
        """Return the project that a new thing is for; raises Forbidden for another's without leave."""
        asked = body.project_id or body.tenant_id or self.context.project_id
        if asked != self.context.project_id and not self.context.is_admin:
            raise Forbidden("Only administrators make things for other projects.")
        return asked

    def count(self, project_id: str, name: str, more: int = 1) -> None:
        """Raise OverQuota when the project may not have ``more`` things called ``name``."""
        over = network_quotas.excess(self.connection, project_id, name, more, self.service.limits)
        if over:
            raise errors.OverQuota(name, more, *over)

    def touch(self, instance_uuids: Iterable[str]) -> None:
        """Remember servers whose firewalls have changed."""
        self.touched.update(instance_uuids)


class Call(msgspec.Struct, kw_only=True):
    """A request whose caller is known.

    :param params: what the path says, by name.
    :param query: what stands behind the question mark.
    :param url: URL of the network service, for links.
    """

    service: Service
    url: str
    context: RequestContext | None
    params: dict[str, str]
    query: dict[str, list[str]]
    body: bytes = b""

    def read(self, work: Callable[[Act], T]) -> T:
        """Run ``work`` in a reading transaction."""
        return self.service.db.read(
            lambda connection: work(Act(connection=connection, context=self.context, service=self.service))
        )

    def write(self, name: str, work: Callable[[Act], T]) -> T:
        """Run ``work`` in a writing transaction, and tell whom it has touched."""
        acts: list[Act] = []

        def once(connection: sa.Connection) -> T:
            acts[:] = [Act(connection=connection, context=self.context, service=self.service)]
            return work(acts[0])

        result = self.service.db.write(f"network.{name}", once)
        if name == "create_network":
            self.service.grown()
        if acts[0].touched:
            self.service.changed(sorted(acts[0].touched))
        return result
