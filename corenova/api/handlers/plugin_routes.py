"""What hook plug-ins add to the admin API (AdminRoute of contracts/hooks.py): read only, below paths of their own."""

import msgspec

from corenova.api.call import Call
from corenova.api.faults import HttpError
from corenova.exceptions import CorenovaError


def show(call: Call, plugin: str, path: str) -> msgspec.Raw:
    """GET /os-plugins/{plugin}/{path}: a resource of a hook plug-in."""
    query = {name: values[-1] for name, values in call.query.items() if values}
    try:
        return msgspec.Raw(call.services.hooks.answer(plugin, path, query))
    except CorenovaError:
        raise
    except Exception as error:
        raise HttpError(500, f"The plug-in {plugin} has failed: {type(error).__name__}.") from error
