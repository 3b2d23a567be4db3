"""The compute's verbs that are questions: what a guest shows at this moment. They change nothing and need no order.

They are asked in the threads that also take hints, so only some of these may be in the hands of the driver at a time,
and fewer of them on one host: one that hangs must not make this compute deaf.
"""

import base64
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

import msgspec

from corenova.compute.actions import need
from corenova.contracts.driver import Driver
from corenova.exceptions import Unavailable
from corenova.rpc.server import expose

THREADS = 8
"""Of the compute's server (cmd/compute.py)."""
_MOST = 6
_MOST_OF_HOST = 3


class Questions:
    """The verbs; whoever inherits them has ``_driver``. All raise what the driver raises, and Unavailable when too many
    are asked at once."""

    _driver: Driver

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._asking = threading.Lock()

    @contextlib.contextmanager
    def _about(self, host: str, ability: str) -> Iterator[None]:
        need(self._driver, ability)
        with self._asking:
            if self._asked[host] >= _MOST_OF_HOST or self._asked.total() >= _MOST:
                raise Unavailable(f"Host {host} is busy with other questions. Try again later.")
            self._asked[host] += 1
        try:
            yield
        finally:
            with self._asking:
                self._asked[host] -= 1

    @expose
    def get_console_output(self, ctxt: dict, host: str, instance_uuid: str, most_bytes: int) -> str:
        """Return the last of what a guest has written to its serial console; what is no UTF-8 is replaced."""
        with self._about(host, "supports_console_output"):
            return self._driver.get_console_output(host, instance_uuid, most_bytes=most_bytes).decode(
                "utf-8", "replace"
            )

    @expose
    def get_console(self, ctxt: dict, host: str, instance_uuid: str, kind: str) -> dict[str, object]:
        """Return where a console of a guest listens."""
        with self._about(host, "supports_remote_console"):
            return msgspec.to_builtins(self._driver.get_console(host, instance_uuid, kind))

    @expose
    def screenshot(self, ctxt: dict, host: str, instance_uuid: str) -> list[str]:
        """Return the media type of a picture of the guest's screen, and the picture in base64."""
        with self._about(host, "supports_remote_console"):
            media_type, picture = self._driver.screenshot(host, instance_uuid)
        return [media_type, base64.b64encode(picture).decode()]

    @expose
    def get_diagnostics(self, ctxt: dict, host: str, instance_uuid: str) -> dict[str, object]:
        """Return a guest's counters."""
        with self._about(host, "supports_diagnostics"):
            return msgspec.to_builtins(self._driver.get_diagnostics(host, instance_uuid))
