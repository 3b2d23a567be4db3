"""What a test holds a plug-in to: the place in the contract, and its words, for the report of a failure."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import corenova

T = TypeVar("T", bound=Callable)
_ABOVE = Path(corenova.__file__).parents[1]


def contract(*parts: object) -> Callable[[T], T]:
    """Mark a test with the parts of a contract that it tests: methods, classes or modules of ``corenova/contracts/``.

    To be the outermost decorator. The pytest plug-in reads it when the test fails.
    """

    def mark(test: T) -> T:
        test.corenova_contract = parts  # type: ignore[attr-defined]
        return test

    return mark


def told(test: object) -> str:
    """Return what the contract says of a marked test, each part under its place; empty for other tests.

    :param test: the test's function, or method.
    """
    return "\n\n".join(map(_told, getattr(test, "corenova_contract", ())))


def _told(part: object) -> str:
    part = part.fget if isinstance(part, property) else part
    is_module = isinstance(part, ModuleType)
    name = part.__name__ if is_module else part.__qualname__
    words = (inspect.getdoc(part) or "").splitlines()
    return "\n".join([f"{_place(part)} {name}:", *(f"    {line}".rstrip() for line in words)])


def _place(part: object) -> str:
    file = Path(inspect.getsourcefile(part)).relative_to(_ABOVE)
    line = 1 if isinstance(part, ModuleType) else inspect.getsourcelines(part)[1]
    return f"{file}:{line}"
