"""Passwords and hashes."""

from corenova.identity import passwords


def test_every_character_counts():
    long = "x" * 100
    stored = passwords.digest(long + "a", is_random=True)
    assert passwords.matches(long + "a", stored)
    assert not passwords.matches(long + "b", stored)
    assert not passwords.matches("", stored)
    assert passwords.matches("a\0b", passwords.digest("a\0b", is_random=True))
    assert not passwords.matches("a\0c", passwords.digest("a\0b", is_random=True))


def test_chosen_passwords_get_the_full_cost():
    assert passwords.digest("chosen").startswith(b"$2b$10$")
    assert len(passwords.digest("x", is_random=True)) <= 128


def test_nobody_has_a_password():
    for none in (None, passwords.NO_PASSWORD):
        assert not passwords.matches("", none)
        assert not passwords.matches("x", none)


def test_generated_passwords():
    assert len(passwords.generate()) == 24
    assert passwords.generate() != passwords.generate()
