"""The network contract: which ports a server gets, and what may pass them.

The embedded service (corenova/network) answers it from the same database as everything else, inside the transaction
that makes or removes the server, so a port can neither leak nor be given twice. A backend over Neutron would make its
ports over HTTP before that transaction, and find what a crash has left by the server's id in ``device_id``. Chosen by
``[network] backend``, an entry point of ``corenova.network.backends``.
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

    ``connection`` is the open transaction of the database (None for a caller that has none); a backend that lives
    elsewhere ignores it, and must then be prepared for the transaction to be rolled back after the call.
    """

    def start(self, db: Any, conf: Any) -> None:
        """Called once, before anything else.

        :param db: the corenova.db.engine.Database of this process.
        :param conf: its configuration (oslo_config.cfg.ConfigOpts).
        """
        ...

    def plan(
        self, context: RequestContext, wanted: str | Sequence[WantedNic], *, groups: Sequence[str], count: int
    ) -> NetworkPlan:
        """Check what a request for ``count`` servers asks of the network; nothing is written.

        :param wanted: AUTO (the only network that the project can use, none when there is none), NONE, or entries.
        :param groups: names or ids of security groups for the ports that are made; empty: ``default``.
        :raises InvalidInput: unknown network, port, address or group; an address or port for several servers.
        :raises Conflict: a port or address in use, or AUTO and several networks.
        :raises OverQuota: the project may not have that many ports.
        """
        ...

    def allocate(self, connection: Any, plan: NetworkPlan, servers: Sequence[tuple[str, str]]) -> list[list[Nic]]:
        """Give ports to new servers, given as (uuid, hostname); returns the interfaces of each, in order.

        :raises InvalidInput: a subnet is exhausted, or what was planned is gone.
        :raises Conflict: a port or address has been taken meanwhile.
        """
        ...

    def release(self, connection: Any, instance_uuids: Sequence[str]) -> None:
        """The servers are gone: remove the ports that were made for them, free those that are their users'."""
        ...

    def attach(self, connection: Any, context: RequestContext, instance_uuid: str, wanted: WantedNic) -> Nic:
        """Give one more port to a server (os-interface); raises as ``plan`` and ``allocate``."""
        ...

    def detach(self, connection: Any, instance_uuid: str, port_id: str) -> None:
        """Take a port away from a server, as ``release`` does. No error when it has none of that id."""
        ...

    def firewalls(self, connection: Any, instance_uuids: Sequence[str]) -> dict[str, list[Firewall]]:
        """Return, for those of the servers that have ports, what may pass each of them now."""
        ...

    def affected(self, connection: Any, instance_uuids: Sequence[str]) -> list[str]:
        """Return the other servers whose firewalls name addresses of these: they are told when those come or go.

        Asked while these servers have their ports: after ``allocate``, before ``release``.
        """
        ...

    def plugged(self, connection: Any, instance_uuids: Sequence[str]) -> None:
        """The guests of these servers run: their ports are ACTIVE, for whoever looks at them."""
        ...

    def security_groups(self, connection: Any, instance_uuid: str) -> list[SecurityGroup]:
        """Return the security groups of a server's ports, each once."""
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
