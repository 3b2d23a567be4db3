"""The identity contract: who a token speaks for, and where the services are.

The embedded service (corenova/identity) answers it from the database; a backend over Keystone would answer it through
Keystone's middleware. Every HTTP surface is handed ``validate`` and nothing else of the identity service.
"""

from typing import Protocol

from corenova.objects.context import RequestContext


class IdentityBackend(Protocol):
    """What the rest of the product asks of an identity service. Called from many threads at once."""

    def validate(self, token: str | None) -> RequestContext | None:
        """Return whom ``token`` speaks for, or None when it is missing, forged, expired, revoked or its user is gone.

        Called for every request, so a token seen a moment ago must cost microseconds. ``request_id`` is empty: the
        caller fills it. ``project_id`` is empty for a token without a project, which compute and image must refuse.
        Raises Unavailable when the service behind it cannot be asked; never guesses.
        """
        ...

    def catalog(self, request_url: str) -> list[dict[str, object]]:
        """Return the services and their endpoints as a token carries them.

        :param request_url: scheme, host and port under which the asking client reached us.
        """
        ...
