"""One request to the image API, as its handlers see it: no HTTP library, so a handler is a plain function."""

from collections.abc import Callable, Mapping

import msgspec
import sqlalchemy as sa

from corenova import policy
from corenova.db import images as rows
from corenova.exceptions import InvalidInput
from corenova.image.listing import Query
from corenova.image.store import EmbeddedImages
from corenova.image.uploads import Stream
from corenova.objects.context import RequestContext


class Call(msgspec.Struct, kw_only=True):
    """A request whose caller is known: by a token, or on the routes of bytes by a ticket (then ``context`` is None).

    :param rule: the policy rule of the route, which :meth:`image` and :meth:`authorize` ask.
    :param url: scheme, host and port under which the client has reached us.
    :param params: what the path says, by name.
    :param query: the values of each query parameter, in order.
    :param header: returns a header of the request, or None.
    :param stream: the body, unread; ``body`` is what was read of it, on routes that want a document.
    :param headers: headers for the answer, for the handler to fill.
    :param status: of the answer, for the handler to change.
    """

    images: EmbeddedImages
    enforcer: policy.Enforcer
    rule: str
    url: str
    params: dict[str, str]
    query: Query
    header: Callable[[str], str | None]
    stream: Stream
    status: int
    max_limit: int
    context: RequestContext | None = None
    body: bytes = b""
    headers: dict[str, str] = {}

    @property
    def image_id(self) -> str:
        """The image that the path names."""
        return self.params["image_id"]

    def image(self) -> rows.Image:
        """Return the image of the path, as it is now; raises NotFound, and Forbidden when the rule says no."""
        if self.context is None:
            return self.images.db.read(lambda connection: rows.get(connection, self.image_id))
        caller = self.context
        image = self.images.get_image(self.image_id, caller.project_id, is_admin=caller.is_admin)
        self.authorize({"project_id": image.owner})
        return image

    def authorize(self, target: Mapping[str, str] | None = None, *, rule: str | None = None) -> None:
        """Raise Forbidden unless the caller may do this to ``target`` (default: to the own project)."""
        policy.authorize(self.enforcer, self.context, rule or self.rule, target)

    def change(self, name: str, work: Callable[[sa.Connection, rows.Image], rows.Image | None]) -> rows.Image | None:
        """Run ``work`` in one transaction on the locked image of the path; returns what it returns.

        :param name: of the step, for crash points.
        :raises NotFound, Forbidden: as :meth:`image`.
        """
        self.image()
        changed = self.images.db.write(name, lambda c: work(c, rows.get(c, self.image_id, lock=True)))
        self.images.forget(self.image_id)
        return changed

    def document(self) -> object:
        """Return the body as a JSON document; raises InvalidInput."""
        if b"\\u0000" in self.body:
            raise InvalidInput("The request body must not have NUL characters.")
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise InvalidInput(f"Malformed JSON in request body: {error}") from None
