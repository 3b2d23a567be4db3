"""Extra specs of flavors: what is checked from 2.86 on, and what in every microversion."""

import pytest

ALWAYS_REFUSED = [
    ("resources:VCPU", "many", "must be a whole number from 0 to 2147483647"),
    ("resources:VCPU", "-1", "must be a whole number"),
    ("resources1:VCPU", "1.5", "must be a whole number"),
    ("resources:CUSTOM_X", "99999999999", "must be a whole number"),
    ("capabilities:cpu_info:features", "~= 3", "has the unknown operator '~='; there are = >= <= == !="),
    ("capabilities:free_ram_mb", ">== 3", "has the unknown operator '>=='"),
    ("capabilities:free_ram_mb", ">3", "has the unknown operator '>3'"),
    ("capabilities:free_ram_mb", ">=", "has the operator '>=' and nothing to compare with"),
    ("capabilities:free_ram_mb", ">= much", "compares numbers with '>=', and 'much' is none"),
    ("capabilities:free_ram_mb", "== nan", "compares numbers"),
    ("aggregate_instance_extra_specs:rack", "<foo> x", "has the unknown operator '<foo>'"),
    ("aggregate_instance_extra_specs:rack", "<or>", "nothing to compare with"),
    ("aggregate_instance_extra_specs:rack", "<or> a b", "must repeat <or>"),
    ("aggregate_instance_extra_specs:rack", "s~ x", "has the unknown operator 's~'"),
    ("aggregate_instance_extra_specs:rack", "s=~ x", "has the unknown operator 's=~'"),
    ("hypervisor_type", "=~ x", "has the unknown operator '=~'"),
]


@pytest.mark.parametrize("mv", ["2.1", "2.85", "2.86"])
@pytest.mark.parametrize(("key", "value", "sentence"), ALWAYS_REFUSED)
def test_what_nobody_could_read_is_refused_in_every_microversion(cloud, mv, key, value, sentence):
    path = "/flavors/1/os-extra_specs"
    answers = (
        cloud.post(path, {"extra_specs": {"good": "1", key: value}}, token="admin", mv=mv),
        cloud.put(f"{path}/{key}", {key: value}, token="admin", mv=mv),
    )
    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert sentence in answer.json["badRequest"]["message"]
    assert cloud.get(path).json["extra_specs"] == {}


REFUSED_SINCE_2_86 = [
    ("resources:cpus", "1", "must name a resource class"),
    ("resources:", "1", "must name a resource class"),
    ("resources2:CUSTOM_gpu", "1", "must name a resource class"),
    ("resources_net:VGPU", "1", "names its group"),
    ("trait:CUSTOM_FAST", "yes", "must be one of required, forbidden"),
    ("trait1:fast", "required", "must name a trait"),
    ("group_policy", "apart", "must be one of none, isolate"),
    ("hw:numa_nodez", "2", "does not appear to be a valid extra spec"),
    ("quota:foo", "2", "does not appear to be a valid extra spec"),
    ("hw:cpu_policy", "pinned", "must be one of dedicated, shared, mixed"),
    ("hw:cpu_thread_policy", "any", "must be one of prefer, isolate, require"),
    ("hw:numa_nodes", "0", "must be a whole number from 1"),
    ("hw:numa_cpus.0", "0-", "must be a list of CPUs"),
    ("hw:numa_mem.1", "1GB", "must be a whole number from 1"),
    ("hw:mem_page_size", "huge", "must be small, large, any or a size"),
    ("hw:maxphysaddr_bits", "x", "must be a whole number"),
    ("pci_passthrough:alias", "gpu", "must be a list of alias:count"),
    ("pci_passthrough:alias", "gpu:0", "must be a list of alias:count"),
    ("pci_passthrough:gpu", "1", "is none that there is"),
]


@pytest.mark.parametrize(("key", "value", "sentence"), REFUSED_SINCE_2_86)
def test_known_names_are_checked_since_2_86(cloud, key, value, sentence):
    path, body = "/flavors/1/os-extra_specs", {"extra_specs": {key: value}}
    assert cloud.post(path, body, token="admin", mv="2.85").status_code == 200
    answer = cloud.post(path, body, token="admin", mv="2.86")
    assert answer.status_code == 400
    assert answer.json["badRequest"]["message"].startswith(f"Validation failed; extra spec '{key}' ")
    assert sentence in answer.json["badRequest"]["message"]


ACCEPTED = {
    "resources:VCPU": "4", "resources1:CUSTOM_GPU_A100": "2", "resources:PCPU": "0",
    "trait:HW_CPU_X86_AVX2": "required",
    "trait2:CUSTOM_SLOW": "forbidden", "group_policy": "isolate", "hw:cpu_policy": "mixed", "hw:numa_nodes": "2",
    "hw:cpu_thread_policy": "require", "hw:numa_cpus.0": "0-3,^2", "hw:numa_mem.0": "2048", "hw:mem_page_size": "2MB",
    "hw:maxphysaddr_bits": "42", "hw:cpu_max_sockets": "2", "hw:watchdog_action": "reset",
    "later:key": "whatever", "quota:vif_inbound_peak": "1",
    "pci_passthrough:alias": "gpu:1,nic:2", "capabilities:hypervisor_version": ">= 1000",
    "capabilities:cpu_info:features": "<all-in> avx aes", "capabilities:hypervisor_type": "s== QEMU",
    "aggregate_instance_extra_specs:rack": "<or> a <or> b", "aggregate_instance_extra_specs:ssd": "true",
    "aggregate_instance_extra_specs:size": "= 3.5", "quota:cpu_shares": "!!", "own": "plain text",
}  # fmt: skip


@pytest.mark.parametrize("mv", ["2.1", "2.86"])
def test_what_can_be_meant_and_what_is_unknown_passes(cloud, mv):
    answer = cloud.post("/flavors/1/os-extra_specs", {"extra_specs": ACCEPTED}, token="admin", mv=mv)
    assert answer.status_code == 200, answer.text
    assert cloud.get("/flavors/1/os-extra_specs").json["extra_specs"] == ACCEPTED
