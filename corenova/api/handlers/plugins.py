"""The plug-ins of this deployment: installed, enabled, loaded, and how they do. Not a part of Nova's API."""

from corenova.api.call import Call


def index(call: Call) -> dict[str, object]:
    """GET /os-plugins."""
    plugins = call.services.plugins
    return {"plugins": plugins.describe() if plugins else []}
