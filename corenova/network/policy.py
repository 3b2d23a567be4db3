"""Who may do what in the network service: rules under Neutron's names, decided by the enforcer of corenova/policy.py.

Whose things a caller can see at all is decided in the database query, so a stranger's port is *not found* whatever the
rules say. ``<verb>_<noun>`` guards a request, ``<verb>_<noun>:<attribute>`` an attribute of a body or view.
"""

from oslo_policy import policy as oslo

from corenova.policy import ADMIN, ANYBODY, MEMBER, READER

NETWORK_OWNER = "rule:network_owner_or_admin"
_BASE = (
    oslo.RuleDefault(
        "network_owner_or_admin",
        "(role:member and project_id:%(network_project_id)s) or rule:context_is_admin",
        "A member of the project that owns a port's network, or an administrator.",
    ),
)
_VERBS = (
    ("get", READER, "See", "GET", "/{plural}"),
    ("create", MEMBER, "Create", "POST", "/{plural}"),
    ("update", MEMBER, "Change", "PUT", "/{plural}/{{id}}"),
    ("delete", MEMBER, "Delete", "DELETE", "/{plural}/{{id}}"),
)
_NOUNS = ("network", "subnet", "port", "security_group", "security_group_rule")
_ATTRIBUTES: tuple[tuple[str, str, str, str], ...] = (
    ("network", "shared", ADMIN, "create update"),
    ("network", "router:external", ADMIN, "create update"),
    ("network", "provider:network_type", ADMIN, "get create update"),
    ("network", "provider:physical_network", ADMIN, "get create update"),
    ("network", "provider:segmentation_id", ADMIN, "get create update"),
    ("port", "mac_address", NETWORK_OWNER, "create update"),
    ("port", "port_security_enabled", NETWORK_OWNER, "create update"),
    ("port", "binding:host_id", ADMIN, "get create update"),
    ("port", "binding:profile", ADMIN, "get create update"),
    ("port", "binding:vif_type", ADMIN, "get"),
    ("port", "binding:vif_details", ADMIN, "get"),
)
"""Noun, attribute, default, and the verbs that it is guarded for."""
_OTHERS: tuple[tuple[str, str, str, str, str], ...] = (
    ("get_quota", READER, "See the quota of the own project.", "GET", "/quotas/{id}"),
    ("get_quota:other_project", ADMIN, "See the quotas of other projects.", "GET", "/quotas"),
    ("update_quota", ADMIN, "Change the quota of a project.", "PUT", "/quotas/{id}"),
    ("delete_quota", ADMIN, "Give a project the default quota again.", "DELETE", "/quotas/{id}"),
    ("get_agent", ADMIN, "See agents: there are none.", "GET", "/agents"),
    ("get_floatingip", READER, "See floating addresses: there are none.", "GET", "/floatingips"),
    ("get_router", READER, "See routers: there are none.", "GET", "/routers"),
    (
        "get_availability_zone",
        ANYBODY,
        "See availability zones of networks: there are none.",
        "GET",
        "/availability_zones",
    ),
    ("get_extension", ANYBODY, "See what the service can do.", "GET", "/extensions"),
)


def list_rules() -> list[oslo.RuleDefault]:
    """Return every rule of the network API (entry point oslo.policy.policies)."""
    rules = list(_BASE)
    for noun in _NOUNS:
        words = noun.replace("_", " ")
        plural = noun.replace("_", "-") + "s"
        for verb, check, does, method, path in _VERBS:
            if (verb, noun) != ("update", "security_group_rule"):
                rules.append(_rule(f"{verb}_{noun}", check, f"{does} a {words}.", method, path.format(plural=plural)))
        for of, attribute, check, verbs in _ATTRIBUTES:
            for verb, _, does, method, path in _VERBS:
                if of == noun and verb in verbs.split():
                    said = f"{does} a {words} with {attribute}."
                    rules.append(_rule(f"{verb}_{noun}:{attribute}", check, said, method, path.format(plural=plural)))
    return rules + [_rule(*line) for line in _OTHERS]


def _rule(name: str, check: str, description: str, method: str, path: str) -> oslo.RuleDefault:
    operation = {"method": method, "path": f"/network/v2.0{path}"}
    return oslo.DocumentedRuleDefault(name, check, description, [operation], scope_types=["project"])
