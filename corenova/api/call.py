"""One request as a handler sees it: who asks, in which microversion, with which body and query. No framework here."""

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from corenova.api.links import Links, Page
from corenova.api.services import ApiServices
from corenova.objects.context import RequestContext
from corenova.policy import authorize

T = TypeVar("T")


class Call:
    """A request on its way through the API.

    :param version: the microversion's minor.
    :param body: the decoded and checked body, None when the route has none.
    :param query: every query parameter with all its values.
    :param headers: what the handler adds to the answer's headers.
    """

    __slots__ = ("body", "context", "headers", "links", "query", "services", "version")

    def __init__(
        self,
        services: ApiServices,
        context: RequestContext,
        *,
        version: int,
        links: Links,
        query: dict[str, list[str]],
        body: Any = None,
    ):
        self.services = services
        self.context = context
        self.version = version
        self.links = links
        self.query = query
        self.body = body
        self.headers: list[tuple[str, str]] = []

    @property
    def scope(self) -> str | None:
        """The project whose things the caller can see; None for an administrator, who sees all."""
        return None if self.context.is_admin else self.context.project_id

    def may(self, rule: str) -> bool:
        """Tell whether the caller may also do what ``rule`` guards, in its own project."""
        return self.services.enforcer.allows(self.context, rule)

    def authorize(self, rule: str, *, project_id: str | None = None, user_id: str | None = None) -> None:
        """Raise Forbidden unless the caller may do what ``rule`` guards.

        :param project_id, user_id: whose things it is done to; the caller's own when neither is given.
        """
        owner = {"project_id": project_id, "user_id": user_id}
        target = {name: value for name, value in owner.items() if value is not None}
        authorize(self.services.enforcer, self.context, rule, target or None)

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` on a reading connection."""
        return self.services.db.read(work)

    def write(self, name: str, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a writing transaction called ``api.<name>``."""
        return self.services.db.write(f"api.{name}", work)

    def page(self) -> Page:
        """Return which part of a list the caller wants."""
        return Page(self.query, self.services.conf.api.max_limit)

    def parameter(self, name: str) -> str | None:
        """Return the last value of a query parameter, None when it is not given."""
        values = self.query.get(name)
        return values[-1] if values else None
