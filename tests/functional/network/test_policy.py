"""Operators override the rules: who may make networks, and who sees on which host a port is."""

from corenova.network import policy as network_policy
from corenova.policy import build_enforcer

RULES = """
create_network: role:admin
get_port:binding:host_id: role:member
create_network:shared: role:member
"""


def test_overridden_rules(cloud, tmp_path):
    network, _ = cloud.network()
    (tmp_path / "policy.yaml").write_text(RULES)
    cloud.conf.set_override("policy_file", str(tmp_path / "policy.yaml"), group="oslo_policy")
    cloud.service.enforcer = build_enforcer(cloud.conf, rules=network_policy.list_rules())
    kind, message = cloud.refused("red", "POST", "/networks", 403, {"network": {"name": "x"}})
    assert (kind, "create_network" in message) == ("PolicyNotAuthorized", True)
    cloud.make("admin", "network", name="x")
    port = cloud.make("red", "port", network_id=network["id"])
    assert port["binding:host_id"] == ""
    assert "binding:vif_type" not in port


def test_every_rule_is_told_and_named_once():
    names = [rule.name for rule in network_policy.list_rules()]
    assert len(names) == len(set(names))
    assert all(rule.description for rule in network_policy.list_rules())
