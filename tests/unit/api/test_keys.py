"""Fingerprints as ssh-keygen and openssl tell them, new keys that work, and what is no key at all."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from corenova.api import keys
from corenova.exceptions import InvalidInput

# What ssh-keygen -l -E md5 and openssl x509 -fingerprint -sha1 say of them.
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzQZSPlEQ3R2vISUdCquMesbgr4ovva9RVtqsMfR148 ann@example.org"
ED25519_FINGERPRINT = "db:30:2f:24:05:a4:3e:a6:25:6f:c4:25:99:1b:23:40"
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUQYmNTZhyDbGNOqFSyqSqGxqw8nowCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDYW5uMCAXDTI2MTEyNTE1MjUwM1oYDzIxMjYxMTAxMTUyNTAz
WjAOMQwwCgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT8ThqI
2RpuT68Qv7fwjUGZU7ad7d7a4/BPH+r77pf/HXhChKzsqf7vdD6LM7oXw7NvxbSd
OOyXRxgdqf2hFkoxo1MwUTAdBgNVHQ4EFgQUokHHW15+6UTS2RqWIpklRmDvqPQw
HwYDVR0jBBgwFoAUokHHW15+6UTS2RqWIpklRmDvqPQwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiEA1rtLttu7n8nD60mbroDtK4LLpjGQ5wRsVn2U
UCA2MxQCIEYZVrCDEZEN0CXcueozh0h+mtnExUVpQPiCuMIslb+A
-----END CERTIFICATE-----
"""
CERTIFICATE_FINGERPRINT = "6c:d0:7b:6e:dd:eb:31:cc:d1:f0:b7:af:c6:b4:f7:a5:18:ca:97:2a"


@pytest.mark.parametrize("text", [ED25519, ED25519 + "\n", ED25519.rsplit(" ", 1)[0], ED25519.replace(" ", "  ")])
def test_the_fingerprint_of_an_ssh_key(text):
    assert keys.imported("ssh", text) == keys.Key(text, ED25519_FINGERPRINT)


def test_the_fingerprint_of_a_certificate():
    assert keys.imported("x509", CERTIFICATE).fingerprint == CERTIFICATE_FINGERPRINT


@pytest.mark.parametrize("text", ["", "ssh-rsa", "ssh-rsa AAAA me", "ssh-rsa !!! me", CERTIFICATE, ED25519[:60], "é ü"])
def test_what_is_no_ssh_key(text):
    with pytest.raises(InvalidInput, match=r"^Keypair data is invalid: failed to generate fingerprint$"):
        keys.imported("ssh", text)


@pytest.mark.parametrize("text", ["", ED25519, CERTIFICATE[:200], "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate(text):
    with pytest.raises(InvalidInput, match=r"^Keypair data is invalid: failed to generate X509 fingerprint. Error"):
        keys.imported("x509", text)


@given(st.sampled_from(["ssh", "x509"]), st.text() | st.builds("ssh-ed25519 {}".format, st.text()))
def test_nonsense_is_refused_and_never_worse(kind, text):
    with pytest.raises(InvalidInput):
        keys.imported(kind, text)


def test_a_new_ssh_key_has_two_halves_that_fit():
    key = keys.generated("ssh", "ann")
    private = serialization.load_pem_private_key(key.private_key.encode(), None)
    half = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert key.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    assert private.key_size == 2048
    assert key.public_key == f"{half.decode()} Generated-by-corenova"
    assert keys.imported("ssh", key.public_key).fingerprint == key.fingerprint
    assert keys.generated("ssh", "ann").fingerprint != key.fingerprint


def test_a_new_certificate_is_its_users_and_comes_with_its_private_half():
    key = keys.generated("x509", "ann")
    certificate = x509.load_pem_x509_certificate(key.public_key.encode())
    private, inside, _ = pkcs12.load_key_and_certificates(base64.b64decode(key.private_key), None)
    assert inside == certificate
    assert private.public_key() == certificate.public_key()
    assert certificate.subject.rfc4514_string() == "CN=ann"
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in alternative] == [b"\x0c\x0dann@localhost"]
    assert keys.imported("x509", key.public_key).fingerprint == key.fingerprint
