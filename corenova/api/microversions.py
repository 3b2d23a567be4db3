"""Which microversion a request speaks. The major is always 2, so a microversion is its minor everywhere: 2.96 is 96."""

import functools

import microversion_parse

from corenova.api.faults import HttpError

FIRST = 1
LATEST = 96
HEADERS = ("OpenStack-API-Version", "X-OpenStack-Nova-API-Version")
VARY = ", ".join(HEADERS)


@functools.lru_cache(maxsize=256)
def parse(standard: str | None, legacy: str | None) -> int:
    """Return the minor that the two headers ask for; 1 when they ask for none.

    :param standard: the value of ``OpenStack-API-Version``, which names the service.
    :param legacy: the value of ``X-OpenStack-Nova-API-Version``.
    :raises HttpError: 400 for text that is no version, 406 for a version that we do not speak.
    """
    headers = {name: value for name, value in zip(HEADERS, (standard, legacy), strict=True) if value is not None}
    text = microversion_parse.get_version(headers, service_type="compute", legacy_headers=[HEADERS[1]])
    if text is None:
        return FIRST
    text = text.strip()
    if text == "latest":
        return LATEST
    major, dot, minor = text.partition(".")
    if not (dot and _is_number(major) and _is_number(minor)):
        raise HttpError(400, f"API Version String '{text}' is of invalid format. Must be of format MajorNum.MinorNum.")
    if int(major) != 2 or not FIRST <= int(minor) <= LATEST:
        raise HttpError(
            406, f"Version {text} is not supported by the API. Minimum is 2.{FIRST} and maximum is 2.{LATEST}."
        )
    return int(minor)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10 and (text == "0" or not text.startswith("0"))


@functools.lru_cache(maxsize=LATEST + 1)
def response_headers(version: int) -> tuple[tuple[str, str], ...]:
    """Return the headers that tell the client which microversion was spoken."""
    return ((HEADERS[0], f"compute 2.{version}"), (HEADERS[1], f"2.{version}"), ("Vary", VARY))
