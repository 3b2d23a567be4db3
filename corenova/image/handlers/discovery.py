"""What the image service says of itself."""

from corenova.image import views
from corenova.image.call import Call


def list_versions(call: Call) -> dict[str, object]:
    """GET /image (300)."""
    return views.versions(f"{call.url}/image")


def show_import(call: Call) -> dict[str, object]:
    """GET /v2/info/import: bytes are uploaded, there is no other way."""
    return {"import-methods": {"description": "Import methods available.", "type": "array", "value": []}}


def list_stores(call: Call) -> dict[str, object]:
    """GET /v2/info/stores: there is one."""
    return {"stores": [{"id": "file", "description": "The folder of this deployment.", "default": "true"}]}
