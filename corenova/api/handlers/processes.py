"""The processes of the control plane from inside: what each runs and how busy it is. Not a part of Nova's API."""

from corenova.api.call import Call


def index(call: Call) -> dict[str, object]:
    """GET /os-processes."""
    processes = call.services.processes
    return {"processes": processes.describe() if processes else []}
