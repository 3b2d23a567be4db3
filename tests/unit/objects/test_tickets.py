"""Tickets open one door, one way, for a time."""

from hypothesis import given
from hypothesis import strategies as st

from corenova.objects import tickets

KEY = "0" * 64
GOOD = tickets.make(KEY, "image", tickets.READ, 100)


def test_a_ticket_is_good_for_exactly_what_it_was_made_for():
    assert tickets.check(KEY, GOOD, "image", tickets.READ, now=99.9)
    assert not tickets.check(KEY, GOOD, "image", tickets.READ, now=100.0)
    assert not tickets.check(KEY, GOOD, "image", tickets.WRITE, now=1)
    assert not tickets.check(KEY, GOOD, "imagf", tickets.READ, now=1)
    assert not tickets.check("1" + KEY[1:], GOOD, "image", tickets.READ, now=1)


def test_its_time_cannot_be_changed():
    assert not tickets.check(KEY, "9" + GOOD, "image", tickets.READ, now=1)
    assert not tickets.check(KEY, GOOD.replace("100.", "101."), "image", tickets.READ, now=1)


def test_keys_differ():
    assert tickets.new_key() != tickets.new_key()


@given(st.text())
def test_nonsense_is_no_ticket(text):
    assert not tickets.check(KEY, text, "image", tickets.READ, now=1)
