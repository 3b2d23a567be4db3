"""Files that add resource classes and traits to hosts."""

import pathlib

import pytest

from corenova.compute import provider_config
from corenova.exceptions import ConfigurationError
from corenova.objects.host_state import HostReport, Inventory

SAMPLE = pathlib.Path(__file__).parents[3] / "etc" / "corenova" / "provider.yaml.sample"


def _report(host: str) -> HostReport:
    inventories = {"VCPU": Inventory(total=8), "CUSTOM_OLD": Inventory(total=1)}
    return HostReport(
        host=host, hypervisor_type="t", hypervisor_version=1, inventories=inventories, traits=("HW_CPU_X86_AVX",)
    )


def _file(providers: str, meta: str = "{schema_version: '1.0'}") -> str:
    return f"meta: {meta}\nproviders: {providers}\n"


def _one(more: str, identification: str = "{name: h1}") -> str:
    return _file(f"[{{identification: {identification}, {more}}}]")


def test_no_directory_adds_nothing():
    assert provider_config.load("").add_to(_report("h1")) == _report("h1")


def test_the_sample_says_what_it_does(tmp_path):
    (tmp_path / "a.yaml").write_text(SAMPLE.read_text())
    providers = provider_config.load(str(tmp_path))
    named, other = providers.add_to(_report("host-7")), providers.add_to(_report("host-8"))
    assert named.traits == ("HW_CPU_X86_AVX", "CUSTOM_RACK_WET")
    assert named.inventories == _report("h").inventories | {"CUSTOM_LICENCE": Inventory(total=20, max_unit=20)}
    assert other.traits == ("HW_CPU_X86_AVX", "CUSTOM_RACK_DRY")
    assert other.inventories == _report("h").inventories


def test_what_a_file_says_of_a_class_counts_and_files_that_are_no_yaml_files_do_not(tmp_path):
    (tmp_path / "a.yaml").write_text(_one("inventories: {additional: [{CUSTOM_OLD: {total: 5, reserved: 1}}]}"))
    (tmp_path / "b.yaml.off").write_text("nonsense")
    added = provider_config.load(str(tmp_path)).add_to(_report("h1"))
    assert added.inventories["CUSTOM_OLD"] == Inventory(total=5, reserved=1, max_unit=5)


REFUSED = [
    ("providers: [", "it is no YAML"),
    ("just text", "Expected `object`, got `str`"),
    ("providers: []", "missing required field `meta`"),
    (_file("[]", "{schema_version: '2.0'}"), "schema_version is 2.0, and only 1.x is understood"),
    (_file("[]", "{schema_version: 1.0}"), "Expected `str`, got `float` - at `$.meta.schema_version`"),
    (_one("inventory: {}"), "unknown field `inventory`"),
    (_one("traits: {additional: [CUSTOM_A]}", "{}"), "either name or uuid"),
    (_one("traits: {additional: [CUSTOM_A]}", "{uuid: abc}"), "can only be $COMPUTE_NODE, not abc"),
    (_one("traits: {additional: [fast]}"), "fast is not the name"),
    (_one("traits: {additional: [HW_CPU_X86_AVX]}"), "HW_CPU_X86_AVX is not the name"),
    (_one("inventories: {additional: [{VCPU: {total: 5}}]}"), "VCPU is not the name"),
    (_one("inventories: {additional: [{CUSTOM_A: {total: 5}}, {CUSTOM_A: {total: 5}}]}"), "and each once"),
    (_one("inventories: {additional: [{CUSTOM_A: {total: many}}]}"), "Expected `int`, got `str`"),
    (_one("inventories: {additional: [{CUSTOM_A: {total: 0}}]}"), "CUSTOM_A: total must be from 1"),
    (_one("inventories: {additional: [{CUSTOM_A: {total: 5, reserved: 6}}]}"), "reserved must be from 0"),
    (_one("inventories: {additional: [{CUSTOM_A: {total: 5, allocation_ratio: 0}}]}"), "allocation_ratio must be"),
    (_one("inventories: {additional: [{CUSTOM_A: {total: 5, step: 2}}]}"), "unknown field `step`"),
    (_file("[{identification: {name: h1}}, {identification: {name: h1}}]"), "h1 is described a second time"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_a_file_that_cannot_be_meant_is_named_with_what_is_wrong(tmp_path, text, words):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        provider_config.load(str(tmp_path))
    message = str(caught.value)
    assert message.startswith(f"[compute] provider_config_location: {file}: ")
    assert words in message
    assert "\n" not in message


def test_a_directory_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationError, match="is no directory"):
        provider_config.load("/nowhere/providers")


def test_names_of_hosts_that_are_elsewhere_are_logged(tmp_path, caplog):
    (tmp_path / "a.yaml").write_text(_file("[{identification: {name: h1}}, {identification: {name: h9}}]"))
    provider_config.load(str(tmp_path)).warn_of_strangers(["h1", "h2"])
    assert "hosts not served here: h9" in caplog.text
