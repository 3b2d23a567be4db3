"""Which fields of a request the enabled plug-ins read: requests that are equal in them are one class.

A plug-in is handed a stand-in for the request, which notes a field the first time it is read and hands it out from its
own dictionary from then on; so noting costs nothing where it matters, in the loop over ten thousand hosts.
"""

from operator import attrgetter
from types import FunctionType, MethodType

import msgspec

from corenova.objects.request_spec import RequestSpec

_PARTS = ("flavor", "image")
"""Fields whose own fields are noted one by one: flavors are many, and plug-ins look at little of them."""
_CONSTANT = ("resources", "traits")
"""Methods whose result is kept: they are asked about every host."""
_encode = msgspec.msgpack.Encoder().encode


class TracedSpec:
    """A stand-in for a RequestSpec (or a part of it) that notes what is read; read-only.

    :param reads: where the paths (``flavor.vcpus``) are noted.
    """

    def __init__(self, real: object, reads: set[str], prefix: str = ""):
        self.__dict__.update(_real=real, _reads=reads, _prefix=prefix)

    def __getattr__(self, name: str) -> object:
        real, path = self._real, self._prefix + name
        described = getattr(type(real), name, None)
        if isinstance(described, FunctionType):
            value: object = MethodType(described, self)  # what the method reads is noted, too
            if name in _CONSTANT:
                result = value()
                value = lambda: result  # noqa: E731
        elif isinstance(described, property):
            value = described.fget(self)
        else:
            value = getattr(real, name)
            if path in _PARTS and value is not None:
                value = TracedSpec(value, self._reads, f"{path}.")
            else:
                self._reads.add(path)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a request is read-only: {name} cannot be set")


def real(spec: RequestSpec | TracedSpec | None) -> RequestSpec | None:
    """Return the request itself, of a stand-in what it stands for."""
    return spec._real if isinstance(spec, TracedSpec) else spec


class ClassKeys:
    """The keys of request classes, from all fields that were ever read."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._make()

    def _make(self) -> None:
        paths = sorted(self._paths - set(_PARTS))
        always = (
            "is_rebuild",
            "is_rebuild",
        )  # of one path a getter returns the value alone, of none there is no getter
        self._full = attrgetter(*always, *paths)
        self._bare = attrgetter(*always, *(path for path in paths if not path.startswith("image.")))

    def learn(self, paths: set[str]) -> bool:
        """Note that these fields are read; return whether that is news, by which all keys have become useless."""
        if paths <= self._paths:
            return False
        self._paths |= paths
        self._make()
        return True

    def of(self, spec: RequestSpec) -> tuple[bool, bytes]:
        """Return the key of a request: equal keys, equal answers of the plug-ins that are cached."""
        bare = spec.image is None
        values = (self._bare if bare else self._full)(spec)
        try:
            return bare, _encode(values)
        except OverflowError:  # a hint may be any number
            return bare, repr(values).encode()
