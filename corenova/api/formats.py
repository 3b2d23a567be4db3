"""The formats that request schemas name, each as one function from text to yes or no.

fastjsonschema calls them on the way in; jsonschema calls them again to word what it was.
"""

import binascii
import ipaddress
import re
import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

NAME_RULE = "printable characters. Can not start or end with whitespace."
ZONE_NAME_RULE = "printable characters except :. Can not start or end with whitespace."


def is_printable(text: str) -> bool:
    """Tell whether ``text`` has nothing but letters, marks, numbers, punctuation, symbols and horizontal spaces."""
    if text.isprintable():
        return True
    categories = map(unicodedata.category, text)
    return all(category[0] not in "CZ" or category == "Zs" for category in categories)


def is_name(text: str) -> bool:
    """Tell whether ``text`` can be a name: printable, no space at either end. How long it must be the schema says."""
    return text == text.strip() and is_printable(text)


def is_zone_name(text: str) -> bool:
    """Tell whether ``text`` can be the name of a zone: ``:`` separates zone and host in requests."""
    return ":" not in text and is_name(text)


def is_loose_name(text: str) -> bool:
    """Tell whether ``text`` is a name when spaces at the ends are taken off."""
    return bool(text.strip()) and is_name(text.strip())


def is_uuid(text: str) -> bool:
    """Tell whether ``text`` is a UUID, with or without dashes, in any case."""
    try:
        return uuid.UUID(text).hex == text.lower().replace("-", "").strip("{}").removeprefix("urn:uuid:")
    except ValueError:
        return False


def is_base64(text: str) -> bool:
    """Tell whether ``text`` can be decoded as base64."""
    try:
        binascii.a2b_base64(text.encode("ascii"))
    except ValueError:  # binascii.Error and UnicodeEncodeError are both
        return False
    return True


def is_date_time(text: str) -> bool:
    """Tell whether ``text`` is a time in ISO 8601."""
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def is_regex(text: str) -> bool:
    """Tell whether ``text`` is a regular expression that says something."""
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return bool(text)


def is_ipv4(text: str) -> bool:
    """Tell whether ``text`` is an IPv4 address."""
    return _is_address(ipaddress.IPv4Address, text)


def is_ipv6(text: str) -> bool:
    """Tell whether ``text`` is an IPv6 address."""
    return _is_address(ipaddress.IPv6Address, text)


def _is_address(kind: type, text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def parse_time(text: str) -> float:
    """Return the seconds since the epoch of a time in ISO 8601, taken as UTC when it names no zone.

    :raises ValueError: it is not one.
    """
    # In a query string an unquoted + arrives as a space.
    moment = datetime.fromisoformat(text.strip().replace(" ", "+") if re.search(r"T.* \d\d", text) else text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


FORMATS: dict[str, Callable[[str], bool]] = {
    "name": is_name,
    "az_name": is_zone_name,
    "loose_name": is_loose_name,
    "printable": is_printable,
    "uuid": is_uuid,
    "base64": is_base64,
    "date-time": is_date_time,
    "regex": is_regex,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
}

RULES = {"name": NAME_RULE, "az_name": ZONE_NAME_RULE, "loose_name": "printable characters with at least one non space"}
"""What Nova tells about a value of the formats that are names."""
