"""What crosses the bus: msgspec Structs as builtins with their type's name beside them, and back.

An argument or a result may be a Struct of ``corenova.objects``, a list or tuple of Structs, or anything JSON has. The
receiver ignores fields that it does not know and fills in those that it misses, so services of neighbouring versions
understand each other.
"""

from types import ModuleType

import msgspec
import oslo_messaging

from corenova.exceptions import InvalidInput
from corenova.objects import host_state, instance, network, plugin_account, request_spec, work

_MODULES: tuple[ModuleType, ...] = (request_spec, host_state, instance, network, plugin_account, work)
_TYPE, _VALUE = "_t", "_v"


def _structs() -> dict[str, type]:
    found: dict[str, type] = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                if found.setdefault(name, value) is not value:
                    raise TypeError(f"two Structs of corenova.objects are called {name}; the bus tells them by name")
                found[f"[{name}]"] = list[value]
    return found


TYPES = _structs()
"""Every type that may cross, by its tag: ``Name``, and ``[Name]`` for a list of them."""


class StructSerializer(oslo_messaging.Serializer):
    """Tags Structs on the way out and rebuilds them on the way in; contexts pass as the dicts that they are."""

    def serialize_context(self, ctxt: dict) -> dict:
        """Return the context as it is."""
        return ctxt

    def deserialize_context(self, ctxt: dict) -> dict:
        """Return the context as it came."""
        return ctxt

    def serialize_entity(self, ctxt: dict, entity: object) -> object:
        """Return ``entity`` as JSON-ready builtins."""
        if isinstance(entity, msgspec.Struct):
            return {_TYPE: type(entity).__name__, _VALUE: msgspec.to_builtins(entity, str_keys=True)}
        if isinstance(entity, list | tuple) and entity and isinstance(entity[0], msgspec.Struct):
            kinds = set(map(type, entity))
            if len(kinds) == 1:  # a hundred Structs cost one tag and one call
                tag = f"[{kinds.pop().__name__}]"
                return {_TYPE: tag, _VALUE: msgspec.to_builtins(entity, str_keys=True)}
            return [self.serialize_entity(ctxt, one) for one in entity]
        return entity

    def deserialize_entity(self, ctxt: dict, entity: object) -> object:
        """Return what the sender had; InvalidInput for a type that this side does not know or cannot read."""
        if isinstance(entity, dict) and len(entity) == 2 and _TYPE in entity and _VALUE in entity:
            kind = TYPES.get(entity[_TYPE])
            if kind is None:
                raise InvalidInput(f"A message carries a {entity[_TYPE]}, which this service does not know.")
            try:
                return msgspec.convert(entity[_VALUE], kind, str_keys=True)
            except msgspec.ValidationError as error:
                raise InvalidInput(f"A message carries an unreadable {entity[_TYPE]}: {error}.") from error
        if isinstance(entity, list) and entity and isinstance(entity[0], dict) and _TYPE in entity[0]:
            return [self.deserialize_entity(ctxt, one) for one in entity]
        return entity
