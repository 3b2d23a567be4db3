"""Sealing tokens, apart from whom they belong to."""

import base64

import pytest
from cryptography.fernet import Fernet

from corenova.db import schema
from corenova.db.engine import Database
from corenova.identity.tokens import Token, TokenSealer, rotate

TOKEN = Token(
    user_id="u" * 32,
    project_id="",
    methods=("password", "token"),
    issued_at=1.5,
    expires_at=2.5,
    audit_ids=("a", "b"),
    password_mark=b"\x00\xff",
)


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/db")
    schema.metadata.create_all(db.raw_writer())
    yield db
    db.close()


def test_what_goes_in_comes_out_also_in_another_process(db):
    text = TokenSealer(db).seal(TOKEN)
    assert TokenSealer(db).open(text) == TOKEN
    assert len(text) < 250


def test_a_changed_token_is_none(db):
    sealer = TokenSealer(db)
    text = sealer.seal(TOKEN)
    raw = bytearray(base64.urlsafe_b64decode(text))
    for at in range(len(raw)):
        raw[at] ^= 1
        assert sealer.open(base64.urlsafe_b64encode(raw).decode()) is None
        raw[at] ^= 1
    assert sealer.open(text[:-4]) is None
    assert sealer.open("") is None
    assert sealer.open("ünsinn") is None
    assert sealer.open(Fernet(Fernet.generate_key()).encrypt(b"x").decode()) is None


def test_rotation_locks_nobody_out(db, monkeypatch):
    monkeypatch.setattr("corenova.identity.tokens._RELOAD_INTERVAL_S", 0.0)
    old = TokenSealer(db)
    before = old.seal(TOKEN)
    rotate(db)
    new = TokenSealer(db)
    after = new.seal(TOKEN)
    assert new.open(before) == TOKEN
    assert old.open(after) == TOKEN, "a running process learns of the new key"
    for _ in range(3):
        rotate(db)
    assert TokenSealer(db).open(before) is None, "keys do not pile up"


def test_forgeries_do_not_load_the_database(db, monkeypatch):
    sealer = TokenSealer(db)
    sealer.seal(TOKEN)
    monkeypatch.setattr(db, "read", lambda work: pytest.fail("read"))
    assert sealer.open("gAAAAA" * 30) is None
