"""JsonFilter: the operators, the facts, and queries that are none."""

import json

import pytest

from corenova.objects.json_query import DEEPEST
from corenova.objects.json_query import OPERATORS as KNOWN_TO_THE_API
from corenova.testing import builders
from corenova_filters.filters.json_filter import OPERATORS, JsonFilter

FACTS = {
    "ram_mb": 2048,
    "hypervisor_type": "QEMU",
    "cpu_info": {"model": "Haswell", "topology": {"cores": 4}},
    "disabled": True,
}


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ([], True),
        (["=", "$hypervisor_type", "QEMU"], True),
        (["=", "$hypervisor_type", "QEMU", "KVM"], False),
        (["=", "$hypervisor_type"], False),
        ([">=", "$free_ram_mb", 2048], True),
        ([">", "$free_ram_mb", 2048], False),
        (["<=", 1024, "$free_ram_mb"], True),
        (["<", "$free_ram_mb", 4096, 1024], False),
        (["<", "$free_ram_mb", "4096"], False),
        (["in", "$hypervisor_type", "KVM", "QEMU"], True),
        (["in", "$hypervisor_type", "KVM"], False),
        (["not", ["=", "$hypervisor_type", "QEMU"]], False),
        (["not", ["=", "$hypervisor_type", "KVM"]], True),
        (["not", True, False], True),
        (["and", ["not", ["=", 1, 1]], ["=", 1, 1]], False),
        (["not", ["not", ["=", 1, 1]]], True),
        (["or", ["=", 1, 2], ["=", 1, 1]], True),
        (["and", ["=", 1, 2], ["=", 1, 1]], False),
        (["and", [">=", "$free_ram_mb", 1], ["or", ["=", "$cpu_info.model", "x"], ["=", 1, 1]]], True),
        # facts
        (["=", "$cpu_info.topology.cores", 4], True),
        (["=", "$service.disabled", True], True),
        (["=", "$no_such_fact", 1], False),
        (["=", "$__class__.__name__", "HostState"], False),
        # what is no query refuses every host and does not raise
        (["like", "$hypervisor_type", "Q"], False),
        ([["="], 1, 1], False),
        (["not", ["like", 1, 2]], False),
        ({"=": [1, 1]}, False),
        ("text", False),
    ],
)
def test_query(query, passes):
    spec = builders.request(hints={"query": json.dumps(query)})
    assert JsonFilter().applies(spec)
    assert JsonFilter().host_passes(builders.host(**FACTS), spec) is passes


@pytest.mark.parametrize("hints", [{}, {"query": ""}, {"query": []}])
def test_no_query(hints):
    assert not JsonFilter().applies(builders.request(hints=hints))
    assert JsonFilter().host_passes(builders.host(), builders.request(hints=hints))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("[", "is no JSON."),
        ("[" * 100_000, "is no JSON."),
        ('["not", ' * (DEEPEST + 1) + "[]" + "]" * (DEEPEST + 1), "nested more than"),
        ('["like", 1]', "unknown operator 'like'; there are =, <, >"),
        ({"and": []}, "is no text."),
        ('["=", 1, 2]', "is not true of it."),
    ],
)
def test_reason(query, words):
    spec = builders.request(hints={"query": query})
    assert not JsonFilter().host_passes(builders.host(), spec)
    assert words in JsonFilter().reason(builders.host(), spec)


def test_the_api_knows_the_same_operators():
    assert set(KNOWN_TO_THE_API) == set(OPERATORS)
