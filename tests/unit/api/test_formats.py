"""Formats of request schemas."""

import pytest

from corenova.api.formats import FORMATS, parse_time


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("name", ["a", "two words", "ümlaut", "日本", "a\u00a0b"], [" a", "a ", "a\nb", "\x00", "\u200b"]),
        ("az_name", ["nova"], ["a:b"]),
        ("loose_name", [" a "], ["  "]),
        ("printable", ["", " a "], ["a\nb"]),
        ("uuid", ["aaaaaaaa-0000-4000-8000-000000000001", "AAAAAAAA000040008000000000000001"], ["x", "", "a" * 33]),
        ("base64", ["", "aGVsbG8="], ["abc", "ü"]),
        ("date-time", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00"], ["now", ""]),
        ("regex", ["^a.*"], ["(", ""]),
        ("ipv4", ["1.2.3.4"], ["1.2.3", "::1"]),
        ("ipv6", ["::1"], ["1.2.3.4", "g::"]),
    ],
)
def test_formats(name, good, bad):
    assert all(FORMATS[name](text) for text in good)
    assert not any(FORMATS[name](text) for text in bad)


def test_times_are_utc_unless_they_say_otherwise():
    assert parse_time("1970-01-01T00:00:10Z") == parse_time("1970-01-01T00:00:10") == 10.0
    assert parse_time("1970-01-01T01:00:10+01:00") == parse_time("1970-01-01T01:00:10 01:00") == 10.0
