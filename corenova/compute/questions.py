"""The compute's verbs that are questions: what a guest shows at this moment. They change nothing and need no order."""

import base64

import msgspec

from corenova.compute.actions import need
from corenova.contracts.driver import Driver
from corenova.rpc.server import expose


class Questions:
    """The verbs; whoever inherits them has ``_driver``. All raise what the driver raises."""

    _driver: Driver

    @expose
    def get_console_output(self, ctxt: dict, host: str, instance_uuid: str, most_bytes: int) -> str:
        """Return the last of what a guest has written to its serial console; what is no UTF-8 is replaced."""
        need(self._driver, "supports_console_output")
        return self._driver.get_console_output(host, instance_uuid, most_bytes=most_bytes).decode("utf-8", "replace")

    @expose
    def get_console(self, ctxt: dict, host: str, instance_uuid: str, kind: str) -> dict[str, object]:
        """Return where a console of a guest listens."""
        need(self._driver, "supports_remote_console")
        return msgspec.to_builtins(self._driver.get_console(host, instance_uuid, kind))

    @expose
    def screenshot(self, ctxt: dict, host: str, instance_uuid: str) -> list[str]:
        """Return the media type of a picture of the guest's screen, and the picture in base64."""
        need(self._driver, "supports_remote_console")
        media_type, picture = self._driver.screenshot(host, instance_uuid)
        return [media_type, base64.b64encode(picture).decode()]

    @expose
    def get_diagnostics(self, ctxt: dict, host: str, instance_uuid: str) -> dict[str, object]:
        """Return a guest's counters."""
        need(self._driver, "supports_diagnostics")
        return msgspec.to_builtins(self._driver.get_diagnostics(host, instance_uuid))
