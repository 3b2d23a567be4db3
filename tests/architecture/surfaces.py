"""What a plug-in can see of a contract, as text: one line a name, its arguments, its type, its default.

``python -m tests.architecture.surfaces`` writes the text of each contract beside this file, in ``contracts/``; do that
when a contract changes, and raise its CONTRACT_VERSION as the promise in corenova/contracts/__init__.py says.
"""

import inspect
import pathlib
import re
import sys
from collections.abc import Iterator
from types import ModuleType

import msgspec

from corenova.contracts import driver, driver_abilities, filter, hooks, image, network, weigher

FOLDER = pathlib.Path(__file__).parent / "contracts"
CONTRACTS = {
    "filter": (filter,),
    "weigher": (weigher,),
    "driver": (driver, driver_abilities),
    "hooks": (hooks,),
    "image": (image,),
    "network": (network,),
}
_OURS = ("corenova.contracts", "corenova.objects")


def surface(name: str) -> list[str]:
    """Return the lines of a contract and of the values that it hands over, sorted."""
    lines: set[str] = set()
    seen: set[type] = set()
    waiting = [each for module in CONTRACTS[name] for each in _defined(module, lines)]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        members = list(_members(each))
        lines.update(f"{each.__name__}.{member}" for member in members)
        waiting += _mentioned(sys.modules[each.__module__], "\n".join(members))
    return sorted(lines)


def _defined(module: ModuleType, lines: set[str]) -> Iterator[type]:
    for name, value in vars(module).items():
        if inspect.isclass(value):
            if value.__module__ == module.__name__:
                yield value
        elif name.isupper() and name not in ("CONTRACT_VERSION", "PROJECT"):
            shown = sorted(value) if isinstance(value, frozenset) else value
            lines.add(f"{name} = {shown!r}")


def _members(each: type) -> Iterator[str]:
    fields = getattr(each, "__struct_fields__", ())
    optional = {}
    if fields:
        optional = {field.name for field in msgspec.structs.fields(each) if not field.required}
    for name, annotation in inspect.get_annotations(each).items():
        if not name.startswith("_"):
            yield f"{name}: {_text(annotation)}{' (optional)' if name in optional else ''}"
    for name, value in vars(each).items():
        if (name.startswith("_") and name != "__init__") or name in fields:
            continue
        if isinstance(value, property):
            yield f"{name}: {_text(inspect.get_annotations(value.fget).get('return', '?'))} (read only)"
        elif inspect.isfunction(value) and (name != "__init__" or not hasattr(each, "_is_protocol")):
            yield f"{name}{_signature(value)}"


def _signature(function: object) -> str:
    shown = inspect.signature(function)
    kept = [
        p.replace(annotation=_Text(_text(p.annotation))) if p.annotation is not p.empty else p
        for p in shown.parameters.values()
    ]
    result = shown.return_annotation
    return str(
        shown.replace(parameters=kept, return_annotation=_Text(_text(result)) if result is not shown.empty else result)
    )


class _Text(str):
    def __repr__(self) -> str:
        return str(self)


def _text(annotation: object) -> str:
    if isinstance(annotation, str):
        return annotation
    if inspect.isclass(annotation) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", str(annotation))


def _mentioned(module: ModuleType, text: str) -> Iterator[type]:
    for word in set(re.findall(r"[A-Z]\w+", text)):
        value = getattr(module, word, None)
        if inspect.isclass(value) and value.__module__.startswith(_OURS):
            yield value


def version(name: str) -> tuple[int, int]:
    """Return the contract's version as the code says it."""
    return CONTRACTS[name][0].CONTRACT_VERSION


def write() -> None:
    """Write all texts anew."""
    FOLDER.mkdir(exist_ok=True)
    for name in CONTRACTS:
        (FOLDER / f"{name}.txt").write_text("\n".join(["{}.{}".format(*version(name)), *surface(name), ""]))


if __name__ == "__main__":
    write()
