"""The network contract: which ports a server gets, and what may pass them.

The embedded service (corenova/network) answers it from the same database as everything else, inside the transaction
that makes or removes the server, so a port can neither leak nor be given twice. A backend over Neutron would make its
ports over HTTP before that transaction, and find what a crash has left by the server's id in ``device_id``. Chosen by
``[network] backend``, an entry point of ``corenova.network.backends``.

A backend is called through a guard. The errors that are named here, whatever else of corenova.exceptions, and errors of
the database are answers. Anything else that a verb raises, or returns in another type, is a fault: the request gets 503
and its transaction is rolled back; the log and the backend's account have the details. A verb that fails call after
call is refused at once for a while. **A verb that hangs holds its transaction and cannot be ended from outside**; an
alarm tells of it after ``[plugins] plugin_timeout_s``, so a backend sets time limits of its own for whatever it asks.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from corenova.objects.context import RequestContext
from corenova.objects.network import Firewall, Nic, SecurityGroup, WantedNic

CONTRACT_VERSION = (1, 0)
AUTO = "auto"
NONE = "none"


class NetworkPlan(Protocol):
    """What :meth:`NetworkBackend.plan` has found out; opaque to everybody else but for these."""

    @property
    def is_empty(self) -> bool:
        """Whether a server gets no interface at all: then nothing of this contract is called for it."""
        ...


class NetworkBackend(Protocol):
    """What the compute side asks of a network service. Called from many threads at once.

    ``connection`` is the open transaction of the database; a backend must neither commit it nor keep it. One that lives
    elsewhere ignores it, and must then be prepared for the transaction to be rolled back after the call. A transaction
    that fails is tried again, so every verb may be called twice with the same arguments; the second time does no harm.
    """

    def start(self, db: Any, conf: Any) -> None:
        """Called once in each process with a database, before anything else; writes nothing. Any error stops the start.

        :param db: the corenova.db.engine.Database of this process.
        :param conf: its configuration (oslo_config.cfg.ConfigOpts).
        """
        ...

    def plan(
        self, context: RequestContext, wanted: str | Sequence[WantedNic], *, groups: Sequence[str], count: int
    ) -> NetworkPlan:
        """Check what a request for ``count`` servers asks of the network; nothing is written. Called in the API for
        every request, outside of a transaction; the request may yet be refused by others.

        :param wanted: AUTO (the only network that the project can use, none when there is none), NONE, or entries.
        :param groups: names or ids of security groups for the ports that are made; empty: ``default``.
        :raises InvalidInput: unknown network, port, address or group; an address or port for several servers.
        :raises Conflict: a port or address in use, or AUTO and several networks.
        :raises OverQuota: the project may not have that many ports.
        """
        ...

    def allocate(self, connection: Any, plan: NetworkPlan, servers: Sequence[tuple[str, str]]) -> list[list[Nic]]:
        """Give ports to new servers, given as (uuid, hostname); returns the interfaces of each, in order: one list a
        server. Called in the API, in the transaction that makes the servers.

        :raises InvalidInput: a subnet is exhausted, or what was planned is gone.
        :raises Conflict: a port or address has been taken meanwhile.
        """
        ...

    def release(self, connection: Any, instance_uuids: Sequence[str]) -> None:
        """The servers are gone: remove the ports that were made for them, free those that are their users'. No error
        when they have none. Called in the transaction that ends a build or deletes; what raises here is tried again."""
        ...

    def attach(self, connection: Any, context: RequestContext, instance_uuid: str, wanted: WantedNic) -> Nic:
        """Give one more port to a server (os-interface) and return its interface; raises as ``plan`` and ``allocate``.
        Called in the API, in the transaction of the request; the guest is plugged later."""
        ...

    def detach(self, connection: Any, instance_uuid: str, port_id: str) -> None:
        """Take a port away from a server, as ``release`` does. No error when it has none of that id. Called by a
        conductor when the guest has let go of it, or an attach has failed."""
        ...

    def firewalls(self, connection: Any, instance_uuids: Sequence[str]) -> dict[str, list[Firewall]]:
        """Return, for those of the servers that have ports, what may pass each of them now, by uuid. Called by a
        conductor with orders, after each change and at intervals."""
        ...

    def affected(self, connection: Any, instance_uuids: Sequence[str]) -> list[str]:
        """Return the other servers whose firewalls name addresses of these: they are told when those come or go.

        Asked while these servers have their ports: after ``allocate``, before ``release``.
        """
        ...

    def plugged(self, connection: Any, instance_uuids: Sequence[str]) -> None:
        """The guests of these servers run: their ports are ACTIVE, for whoever looks at them. Called by a conductor
        when a build or an attach is done."""
        ...

    def security_groups(self, connection: Any, instance_uuid: str) -> list[SecurityGroup]:
        """Return the security groups of a server's ports, each once. Called for each look at them in the API."""
        ...

    def change_security_group(
        self, connection: Any, context: RequestContext, instance_uuid: str, name: str, *, add: bool
    ) -> None:
        """Put all secured ports of a server into a group of the caller's project, or take them out of it.

        Whoever calls this tells the computes of the server and of those that ``affected`` names before and after.

        :param name: or id.
        :raises NotFound: there is no such group, or (to take out) no port is in it.
        :raises Conflict: (to add) the server has no port that could be in it.
        """
        ...
