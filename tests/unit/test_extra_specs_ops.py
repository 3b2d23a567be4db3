"""The operators of extra spec values."""

import pytest

from corenova.contracts.extra_specs_ops import fault, matches


@pytest.mark.parametrize(
    ("value", "requirement", "met"),
    [
        ("1", "1", True),
        ("1", "2", False),
        ("", "", True),
        ("two words", "two words", True),
        ("3", "= 2", True),
        ("1", "= 2", False),
        ("2.0", "== 2", True),
        ("2", "!= 2", False),
        ("3", "!= 2", True),
        ("2", ">= 2", True),
        ("1", ">= 2", False),
        ("10", ">= 9", True),
        ("2", "<= 2", True),
        ("3", "<= 2", False),
        ("abc", "s== abc", True),
        ("abc", "s!= abc", False),
        ("abc", "s< abd", True),
        ("abc", "s<= abc", True),
        ("abd", "s> abc", True),
        ("10", "s>= 9", False),
        ("12311321", "<in> 11", True),
        ("12310321", "<in> 11", False),
        ("['aes', 'mmx', 'aux']", "<all-in> aes mmx", True),
        ("['aes', 'mmx', 'aux']", "<all-in> aes txt", False),
        ("12", "<or> 11 <or> 12", True),
        ("13", "<or> 11 <or> 12", False),
        # what cannot be understood is met by nothing, and never raises
        ("1", ">=", False),
        ("1", ">= many", False),
        ("many", ">= 1", False),
        ("", "<in>", False),
        ("", "s==", False),
        ("", "<all-in>", False),
        ("", "<or>", False),
        # no operator: words are compared as they stand
        ("> 2", "> 2", True),
        ("3", "> 2", False),
    ],
)
def test_operators(value, requirement, met):
    assert matches(value, requirement) is met


@pytest.mark.parametrize(
    "requirement", ["plain", "", "two words", ">= 2.5", "s> a", "<in> a b", "<all-in> a b", "<or> a <or> b"]
)
def test_what_something_can_meet(requirement):
    assert fault(requirement) == ""


@pytest.mark.parametrize(
    "requirement", ["~= 3", ">== 3", ">3", "<foo> x", "s~ a", ">=", "<or>", ">= much", "= nan", "<or> a b"]
)
def test_what_nothing_can_meet(requirement):
    assert fault(requirement)
