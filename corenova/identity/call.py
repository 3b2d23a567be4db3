"""One request to the identity API, as its handlers see it: no HTTP library, so a handler is a plain function."""

from typing import TypeVar

import msgspec

from corenova.exceptions import NotFound
from corenova.identity import requests
from corenova.identity.service import IdentityService, Session

Body = TypeVar("Body", bound=msgspec.Struct)
_FALSE = ("false", "0", "no", "off")


class Call(msgspec.Struct, kw_only=True):
    """A request whose caller is known and allowed.

    :param caller: the caller's session; None on public routes.
    :param subject: the session of X-Subject-Token, on routes about tokens.
    :param params: what the path says, by name.
    :param query: what stands behind the question mark, one value a key.
    :param url: scheme, host and port under which the client has reached us.
    :param headers: headers for the answer, for the handler to fill.
    """

    service: IdentityService
    url: str
    params: dict[str, str]
    query: dict[str, str] = {}
    body: bytes = b""
    caller: Session | None = None
    subject: Session | None = None
    headers: dict[str, str] = {}

    def read(self, kind: type[Body], *, under: str | None = None) -> Body:
        """Return the body as ``kind``, taken from the key ``under`` when given; raises InvalidInput."""
        return requests.read(self.body, kind, under=under)

    def link(self, path: str) -> str:
        """Return the URL of ``path`` below /v3."""
        return f"{self.service.services.base(self.url)}/v3/{path}"

    def flag(self, name: str) -> bool | None:
        """Return a query parameter that is yes or no, or None when it is not there; without a value it means yes."""
        value = self.query.get(name)
        return None if value is None else value.lower() not in _FALSE

    def listing(self, plural: str, views: list[dict]) -> dict[str, object]:
        """Return the body of a list. Everything is on one page."""
        return {plural: views, "links": {"self": self.link(plural), "next": None, "previous": None}}


def pick(views: list[dict], view_id: str, noun: str) -> dict:
    """Return the view with this id; raises NotFound."""
    for view in views:
        if view["id"] == view_id:
            return view
    raise NotFound(f"Could not find {noun}: {view_id}.")
