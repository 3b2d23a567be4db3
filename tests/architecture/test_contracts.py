"""The promise of contracts/__init__.py: no contract changes without its version, and none is too long to be read."""

import inspect

import pytest

from corenova import loader
from tests.architecture import surfaces


def recorded(name):
    first, *lines = (surfaces.FOLDER / f"{name}.txt").read_text().splitlines()
    return tuple(int(part) for part in first.split(".")), lines


def wanted(old_version, old, new):
    """The least version that may say ``new`` where ``old_version`` has said ``old``."""
    if set(old) - set(new):
        return (old_version[0] + 1, 0)
    return (old_version[0], old_version[1] + 1) if set(new) - set(old) else old_version


@pytest.mark.parametrize("name", surfaces.CONTRACTS)
def test_a_contract_changes_with_its_version_only(name):
    old_version, old = recorded(name)
    new = surfaces.surface(name)
    changes = [f"- {line}" for line in old if line not in new] + [f"+ {line}" for line in new if line not in old]
    least = wanted(old_version, old, new)
    assert surfaces.version(name) >= least, (
        f"the {name} contract has changed:\n" + "\n".join(changes) + f"\nRaise its CONTRACT_VERSION to {least}, "
        "say so in the release notes, and write the text anew: python -m tests.architecture.surfaces"
    )
    assert (surfaces.version(name), changes) == (old_version, []), (
        "CONTRACT_VERSION was raised: now write the text anew, python -m tests.architecture.surfaces"
    )


def test_what_is_added_raises_the_minor_and_what_goes_or_changes_the_major():
    assert wanted((1, 3), ["a", "b"], ["a", "b"]) == (1, 3)
    assert wanted((1, 3), ["a"], ["a", "b"]) == (1, 4)
    assert wanted((1, 3), ["a", "b"], ["a"]) == (2, 0)
    assert wanted((1, 3), ["a: int"], ["a: str"]) == (2, 0)


def test_a_changed_argument_is_seen(monkeypatch):
    monkeypatch.setattr(surfaces.filter.ScalarFilter, "host_passes", lambda self, host_state: True)
    assert set(recorded("filter")[1]) - set(surfaces.surface("filter"))


def test_a_changed_value_that_is_handed_over_is_seen():
    _, lines = recorded("filter")
    assert {line for line in lines if line.startswith(("HostState.", "RequestSpec.", "Flavor."))}


def test_every_kind_has_a_contract_with_a_version_and_a_recorded_text():
    modules = {module for group in surfaces.CONTRACTS.values() for module in group}
    for kind in loader.KINDS.values():
        assert kind.contract in modules
        major, minor = kind.version
        assert major >= 1 and minor >= 0


@pytest.mark.parametrize(
    "module", [m for group in surfaces.CONTRACTS.values() for m in group], ids=lambda m: m.__name__
)
def test_a_contract_is_short(module):
    assert len(inspect.getsource(module).splitlines()) < 200
