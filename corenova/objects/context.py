"""Who asks: the identity and the request id that a request carries through the API."""

import random
import secrets
import uuid

import msgspec

_NAMES = random.Random(secrets.token_bytes(32))


def new_uuid() -> str:
    """Return a random UUID for a name that must be unique and need not be secret.

    Asking the system for every name lets go of Python's lock, which costs more than the name.
    """
    return str(uuid.UUID(int=_NAMES.getrandbits(128), version=4))


def new_request_id() -> str:
    """Return a new request id, ``req-<uuid>``."""
    return f"req-{new_uuid()}"


class RequestContext(msgspec.Struct, frozen=True, kw_only=True):
    """The caller, as the token says.

    :param request_id: ``req-<uuid>``, echoed in the answer and kept with every action.
    :param roles: role names in the project, with implied roles (admin > manager > member > reader) spelled out.
    """

    request_id: str
    user_id: str
    project_id: str
    user_name: str = ""
    project_name: str = ""
    domain_id: str = "default"
    roles: tuple[str, ...] = ()

    @property
    def is_admin(self) -> bool:
        """Whether the caller has the admin role."""
        return "admin" in self.roles

    def credentials(self) -> dict[str, object]:
        """Return what oslo.policy wants to know of the caller.

        There is no ``domain_id`` among it: the library takes that word for a token of domain scope.
        """
        return {
            "user_id": self.user_id,
            "project_id": self.project_id,
            "user_domain_id": self.domain_id,
            "roles": list(self.roles),
            "is_admin": self.is_admin,
        }
