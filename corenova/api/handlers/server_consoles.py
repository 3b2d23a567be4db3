"""What a guest shows at this moment: console output, screen, where its consoles listen, its counters.

The compute is asked, and nothing is changed. What the hypervisor says of a failure is for operators, so it is logged.
"""

import contextlib
import logging
from collections.abc import Callable
from typing import TypeVar

from corenova.api.call import Call
from corenova.api.views.diagnostics import diagnostics as diagnostics_view
from corenova.db import instances
from corenova.exceptions import Conflict, DriverError, GuestNotFound, InstanceInvalidState, NotFound

LOG = logging.getLogger(__name__)
T = TypeVar("T")
_MOST_BYTES = 100 * 1024
"""Of console output; Nova's limit."""
_KINDS = ("vnc", "serial")


def console_output(call: Call, server_id: str) -> dict[str, str]:
    """os-getConsoleOutput."""
    asked = call.body["os-getConsoleOutput"] or {}
    length = asked.get("length")
    lines = None if length is None or int(length) == -1 else int(length)
    compute = call.services.compute
    text = _ask(call, server_id, lambda *place: compute.get_console_output(*place, most_bytes=_MOST_BYTES))
    if lines is not None:
        text = "\n".join(text.split("\n")[-lines:]) if lines else ""
    # Anything below a blank but line ends and tabs is no business of a terminal, and no reader of JSON likes it.
    return {"output": "".join(c for c in text if c >= " " or c in "\n\r\t")}


def addresses(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-console-addresses: where screen and serial line listen on the host, for who may go there."""

    def look(*place: str) -> list[dict[str, object]]:
        found = []
        for kind in _KINDS:
            with contextlib.suppress(DriverError):  # the guest has none of this kind
                found.append(call.services.compute.get_console(*place, kind=kind))
        return found

    return {"console_addresses": _ask(call, server_id, look)}


def screenshot(call: Call, server_id: str) -> dict[str, str]:
    """GET /servers/{id}/os-screenshot: what the screen shows now, in base64."""
    media_type, picture = _ask(call, server_id, call.services.compute.screenshot)
    return {"media_type": media_type, "data": picture}


def diagnostics(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/diagnostics."""
    return diagnostics_view(_ask(call, server_id, call.services.compute.get_diagnostics), call.version)


def _ask(call: Call, server_id: str, question: Callable[[str, str, str], T]) -> T:
    """Ask the compute of a server: ``question`` takes its address, the host and the server's id.

    :raises NotFound: no such server, or it has no guest.
    :raises Conflict: it has not been built, its host is down, or the hypervisor could not answer.
    """
    row = call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
    if row.host is None or row.launched_at is None:
        raise InstanceInvalidState(f"Instance {server_id} is not ready: it has not been built.")
    address = call.services.lookups.hosts.get().addresses.get(row.host)
    if address is None:
        raise Conflict(f"The host of instance {server_id} is down; ask again later.")
    try:
        return question(address, row.host, server_id)
    except GuestNotFound:
        raise NotFound(f"Instance {server_id} has no guest on its host.") from None
    except DriverError as error:
        LOG.warning("Host %s did not answer about guest %s: %s", row.host, server_id, error)
        raise Conflict(f"The hypervisor could not answer about instance {server_id}; it may be shut down.") from None
