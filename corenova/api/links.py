"""Links in answers: where a thing is (``self``), where it is whatever the version (``bookmark``), and the next page."""

from urllib.parse import quote, urlencode

from corenova.exceptions import InvalidInput

PREFIX = "/compute"
VERSION_PREFIX = PREFIX + "/v2.1"


class Links:
    """The links below one base URL.

    :param base: scheme, host and port as the client should use them.
    """

    __slots__ = ("bookmarks", "images", "versioned")

    def __init__(self, base: str):
        self.versioned = base + VERSION_PREFIX
        self.bookmarks = base + PREFIX
        self.images = base + "/image/v2/images"

    def of(self, collection: str, identifier: str) -> list[dict[str, str]]:
        """Return both links of one thing."""
        tail = f"/{collection}/{quote(identifier)}"
        return [
            {"rel": "self", "href": self.versioned + tail},
            {"rel": "bookmark", "href": self.bookmarks + tail},
        ]

    def bookmark(self, collection: str, identifier: str) -> list[dict[str, str]]:
        """Return the link of a thing that is only mentioned."""
        return [{"rel": "bookmark", "href": f"{self.bookmarks}/{collection}/{quote(identifier)}"}]

    def next(self, collection: str, query: dict[str, list[str]], marker: str) -> list[dict[str, str]]:
        """Return the link to the page behind ``marker``."""
        pairs = [(key, value) for key, values in query.items() if key != "marker" for value in values]
        return [{"rel": "next", "href": f"{self.versioned}/{collection}?{urlencode([*pairs, ('marker', marker)])}"}]


class Page:
    """How much of a list the client wants, and behind what."""

    __slots__ = ("limit", "marker", "most")

    def __init__(self, query: dict[str, list[str]], max_limit: int):
        asked = query.get("limit")
        self.limit = _limit(asked[-1]) if asked else None
        self.marker = query["marker"][-1] if "marker" in query else None
        self.most = max_limit if self.limit is None else min(self.limit, max_limit)

    def has_next(self, shown: int) -> bool:
        """Tell whether a list of ``shown`` entries may go on: a full page is followed by a link."""
        return shown > 0 and shown == self.most


def _limit(text: str) -> int:
    try:
        limit = int(text)
    except ValueError:
        raise InvalidInput("limit param must be an integer") from None
    if limit < 0:
        raise InvalidInput("limit param must be positive")
    return limit


def cut(page: Page, items: list, key: str) -> list:
    """Return the page of ``items``, whose entries are named by their attribute ``key``.

    :raises InvalidInput: unknown marker.
    """
    if page.marker is not None:
        places = [place for place, item in enumerate(items) if str(getattr(item, key)) == page.marker]
        if not places:
            raise InvalidInput(f"marker [{page.marker}] not found")
        items = items[places[0] + 1 :]
    return items[: page.most]
