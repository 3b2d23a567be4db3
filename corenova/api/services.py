"""What the handlers of the compute API are handed: one value, made by ``cmd`` and passed to ``build_app``."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

from oslo_config import cfg

from corenova.api.instance_actions import InstanceActions
from corenova.api.lookups import Lookups
from corenova.api.provision import Provisioner
from corenova.contracts.backends import Backends
from corenova.db.engine import Database
from corenova.hooks import Hooks
from corenova.objects.context import RequestContext
from corenova.objects.pci_alias import Aliases
from corenova.objects.request_spec import ImageMeta
from corenova.policy import Enforcer
from corenova.rpc.compute import ComputeAPI


class FindImage(Protocol):
    """corenova.contracts.image.ImageBackend.find_image."""

    def __call__(self, image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
        """Return the image; raises NotFound, InvalidInput (not active) or Unavailable."""
        ...


class Processes(Protocol):
    """Who can look into the processes of this deployment."""

    def describe(self) -> list[dict[str, object]]:
        """Return one entry a process: guests, threads, counters."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiServices:
    """Everything a handler may use.

    :param pci_aliases: ``[pci] alias``, read (pci_alias.read_aliases).
    :param tell_firewalls: called after a commit with instances whose firewall has changed (corenova/firewall_hints.py).
    :param validate_token: whom a token speaks for (corenova.contracts.identity.IdentityBackend.validate).
    """

    conf: cfg.ConfigOpts
    db: Database
    enforcer: Enforcer
    validate_token: Callable[[str | None], RequestContext | None]
    find_image: FindImage
    provisioner: Provisioner
    instance_actions: InstanceActions
    backends: Backends
    compute: ComputeAPI
    tell_firewalls: Callable[[Sequence[str]], None]
    pci_aliases: Aliases = dataclasses.field(default_factory=dict)
    processes: Processes | None = None
    hooks: Hooks = dataclasses.field(default_factory=Hooks)
    lookups: Lookups = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Build what belongs to the API alone."""
        object.__setattr__(self, "lookups", Lookups(self.db, self.conf))
