"""Public keys of users: what they are called by (fingerprints), and new ones for clients that bring none.

ssh keys and X.509 certificates, worded and formed as Nova does. Nothing here is kept: the private half of a new key is
in one answer and nowhere else.
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from corenova.exceptions import InvalidInput

_BITS = 2048
_EXPONENT = 65537
_VALID_DAYS = 3650
_USER_PRINCIPAL_NAME = "1.3.6.1.4.1.311.20.2.3"
_UTF8_STRING = 0x0C
"""The tag of a text in DER."""


class Key(msgspec.Struct, frozen=True):
    """A public key with its fingerprint; ``private_key`` only when it was made here."""

    public_key: str
    fingerprint: str
    private_key: str | None = None


def imported(kind: str, public_key: str) -> Key:
    """Return a key that the user brings; ``kind`` is ``ssh`` or ``x509``. Raises InvalidInput when it is none."""
    return Key(public_key, _FINGERPRINT[kind](public_key))


def generated(kind: str, user_id: str) -> Key:
    """Return a new key with its private half: an RSA key, or a certificate of ``user_id`` that is good for WinRM."""
    return _GENERATE[kind](user_id)


# Whatever the library says of what a user sent, the user has sent it: its errors are of many kinds.


def _ssh_fingerprint(public_key: str) -> str:
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        load_ssh_public_key(public_key.encode())
        data = base64.b64decode(public_key.split(None, 2)[1])
    except Exception:
        raise InvalidInput("Keypair data is invalid: failed to generate fingerprint") from None
    return hashlib.md5(data, usedforsecurity=False).digest().hex(":")


def _certificate_fingerprint(pem: str) -> str:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(pem.encode()).fingerprint(SHA1()).hex(":")
    except Exception as error:
        raise InvalidInput(
            f"Keypair data is invalid: failed to generate X509 fingerprint. Error message: {error}"
        ) from None


def _new_ssh_key(_user_id: str) -> Key:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(_EXPONENT, _BITS)
    # The oldest of the forms: every ssh client reads it.
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    text = f"{public} Generated-by-corenova"
    return Key(text, _ssh_fingerprint(text), private.decode())


def _new_certificate(user_id: str) -> Key:
    """Return a self-signed certificate; its private half is a PKCS #12 file without a password, in base64."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import pkcs12

    key = rsa.generate_private_key(_EXPONENT, _BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, user_id)])
    principal = f"{user_id}@localhost".encode()
    login = x509.OtherName(
        x509.ObjectIdentifier(_USER_PRINCIPAL_NAME), bytes((_UTF8_STRING, len(principal))) + principal
    )
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=_VALID_DAYS))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([login]), critical=False)
        .sign(key, hashes.SHA256())
    )
    bundle = pkcs12.serialize_key_and_certificates(None, key, certificate, None, serialization.NoEncryption())
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return Key(pem, _certificate_fingerprint(pem), base64.b64encode(bundle).decode())


_FINGERPRINT: dict[str, Callable[[str], str]] = {"ssh": _ssh_fingerprint, "x509": _certificate_fingerprint}
_GENERATE: dict[str, Callable[[str], Key]] = {"ssh": _new_ssh_key, "x509": _new_certificate}
