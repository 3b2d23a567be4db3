"""The unmodified openstackclient with the clouds.yaml that corenova-all writes."""

import subprocess

import pytest

from corenova.testing import openstack_command
from tests.functional.start.conftest import ENVIRONMENT

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzQZSPlEQ3R2vISUdCquMesbgr4ovva9RVtqsMfR148 ann@example.org"


def test_key_pairs(place):
    running = place.start()
    environment = ENVIRONMENT | {"OS_CLIENT_CONFIG_FILE": str(running.clouds_yaml), "OS_CLOUD": "corenova"}

    def keypair(*arguments: str) -> str:
        done = openstack_command.run("keypair", *arguments, env=environment, cwd=place.path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # From 2.92 on it makes the key itself and sends the public half.
    assert keypair("create", "made").startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert keypair("--os-compute-api-version", "2.1", "create", "older").startswith("-----BEGIN")
    (place.path / "id.pub").write_text(PUBLIC + "\n")
    keypair("create", "--public-key", "id.pub", "brought")
    assert keypair("list", "-f", "value", "-c", "Name").split() == ["brought", "made", "older"]
    shown = keypair("show", "brought", "-f", "value", "-c", "fingerprint", "-c", "type").split()
    assert shown == ["db:30:2f:24:05:a4:3e:a6:25:6f:c4:25:99:1b:23:40", "ssh"]
    assert keypair("show", "brought", "--public-key").strip() == PUBLIC
    keypair("delete", "made", "older")
    assert keypair("list", "-f", "value", "-c", "Name").split() == ["brought"]
    with pytest.raises(AssertionError, match="brought-not"):
        keypair("show", "brought-not")
    with pytest.raises(subprocess.TimeoutExpired):
        openstack_command.run("keypair", "list", env=environment, timeout_s=0.01)
    assert keypair("list", "-f", "value", "-c", "Name").split() == ["brought"]
