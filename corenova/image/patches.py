"""JSON patches of images, as Glance understands them: one level deep, and ``add`` replaces what is there."""

from collections.abc import Callable

import msgspec

from corenova.exceptions import Conflict, Forbidden, InvalidInput
from corenova.image.documents import BASE, READ_ONLY, Document
from corenova.image.faults import UnsupportedMediaType

_V21 = "application/openstack-images-v2.1-json-patch"
_V20 = "application/openstack-images-v2.0-json-patch"
_VERBS = ("add", "replace", "remove")


class Operation(msgspec.Struct, frozen=True):
    """One step: ``verb`` is add, replace or remove."""

    verb: str
    name: str
    value: object = None


def read(content_type: str | None, document: Callable[[], object]) -> list[Operation]:
    """Return what a patch asks for.

    :param document: returns the body; it is read when its type is known.
    :raises UnsupportedMediaType: the body is no patch.
    :raises InvalidInput: it is one that cannot be understood.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind not in (_V20, _V21):
        raise UnsupportedMediaType(f"An image is changed with a body of the content type {_V21}.")
    steps = document()
    if not isinstance(steps, list):
        raise InvalidInput("Request body must be a JSON array of operation objects.")
    return [_operation(step, old=kind == _V20) for step in steps]


def apply(operations: list[Operation], document: Document) -> Document:
    """Return the changed document.

    :raises Forbidden: something that users may not write, or may not take away.
    :raises Conflict: replace or remove of what is not there.
    """
    changed = dict(document)
    for step in operations:
        if step.name in READ_ONLY:
            raise Forbidden(f"Attribute '{step.name}' is read-only.")
        if step.verb != "add" and step.name not in changed:
            raise Conflict(f"Property {step.name} does not exist.")
        if step.verb != "remove":
            changed[step.name] = step.value
        elif step.name in BASE:
            raise Forbidden(f"Property {step.name} may not be removed.")
        else:
            del changed[step.name]
    return changed


def _operation(step: object, *, old: bool) -> Operation:
    if not isinstance(step, dict):
        raise InvalidInput("Operations must be JSON objects.")
    if old:  # {"replace": "/name", "value": ...}
        verbs = [verb for verb in _VERBS if verb in step]
        verb, path = (verbs[0], step[verbs[0]]) if len(verbs) == 1 else (None, None)
    else:
        verb, path = step.get("op"), step.get("path")
    if verb not in _VERBS:
        raise InvalidInput(f"Operations must be one of {', '.join(_VERBS)}.")
    if verb != "remove" and "value" not in step:
        raise InvalidInput(f'Operation "{verb}" requires a member named "value".')
    return Operation(verb, _name(path), step.get("value"))


def _name(path: object) -> str:
    if not (isinstance(path, str) and path.startswith("/") and len(path) > 1):
        raise InvalidInput(f'Pointer `{path}` does not start with "/", or names nothing.')
    if "/" in path[1:]:
        raise InvalidInput(f"Pointer `{path}` must name a property of the image, not a part of one.")
    name = path[1:].replace("~1", "/")
    if "~" in name.replace("~0", ""):
        raise InvalidInput(f'Pointer `{path}` contains "~" not part of a recognized escape sequence.')
    return name.replace("~0", "~")
