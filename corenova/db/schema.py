"""The tables. The migrations build them; a test holds the two against each other.

Times are seconds since the epoch (UTC, float) by the database's clock (:func:`corenova.db.engine.now`): one clock for
leases and heartbeats, whatever the hosts' clocks say. Values that only travel (flavor, image, spec) are JSON text,
written and read as msgspec structs by the noun's own file.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# 64 KiB of TEXT in MySQL is too little for the reasons of 10,000 hosts.
LongText = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def Id() -> Column:
    """Return the integer key of a table; it grows in order of insertion, which lists are sorted by."""
    return Column("id", Integer, primary_key=True, autoincrement=True)


deployment = Table(
    "deployment",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    comment="Facts of this deployment: its id, the keys of the token service.",
)

instances = Table(
    "instances",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("reservation_id", String(32), nullable=False),
    Column("launch_index", Integer, nullable=False, default=0),
    Column("display_name", String(255), nullable=False),
    Column("display_description", String(255)),
    Column("hostname", String(255), nullable=False),
    Column("key_name", String(255)),
    # The public key as it was at create: the key pair may be deleted, and made anew, under the same name.
    Column("key_data", Text),
    # A JSON list of objects/network.py Nic, kept equal to the ports by db/ports.py; NULL: it never had a network.
    Column("network_info", LongText),
    Column("user_data", LongText),
    Column("config_drive", Boolean, nullable=False, default=False),
    Column("locked_by", String(16)),
    Column("metadata", LongText, nullable=False, default="{}"),
    Column("tags", Text, nullable=False, default="[]"),
    Column("flavor", LongText, nullable=False),
    Column("image", LongText),
    Column("vcpus", Integer, nullable=False),
    Column("memory_mb", Integer, nullable=False),
    Column("group_uuid", String(36)),
    Column("availability_zone", String(255)),
    Column("host", String(255)),
    Column("vm_state", String(32), nullable=False),
    Column("task_state", String(40)),
    Column("power_state", Integer, nullable=False, default=0),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("launched_at", Double),
    Column("terminated_at", Double),
    Column("deleted", Boolean, nullable=False, default=False),
    # What is asked; cleared when the instance is deleted, so no spec is ever left behind by itself.
    Column("spec", LongText),
    # The work item. step is NULL when there is nothing to do.
    Column("step", String(16)),
    Column("owner", String(255)),
    Column("lease_until", Double, nullable=False, default=0.0),
    Column("generation", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("deadline", Double),
    Column("alternates", Text),
    # What the step is about (objects/work.py StepArgs).
    Column("step_args", Text),
    Column("request_id", String(64)),
    Index("ix_instances_project", "project_id", "deleted", "created_at", "id"),
    Index("ix_instances_created", "deleted", "created_at", "id"),
    Index("ix_instances_host", "host", "deleted"),
    Index("ix_instances_group", "group_uuid", "deleted"),
    Index("ix_instances_step", "step", "lease_until"),
)

instance_actions = Table(
    "instance_actions",
    metadata,
    Id(),
    Column("instance_uuid", String(36), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("user_id", String(64)),
    Column("project_id", String(64)),
    Column("start_time", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("message", Text),
    Index("ix_instance_actions_instance", "instance_uuid", "request_id"),
)

instance_action_events = Table(
    "instance_action_events",
    metadata,
    Id(),
    Column("instance_uuid", String(36), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("event", String(64), nullable=False),
    Column("generation", Integer, nullable=False, default=0),
    Column("host", String(255)),
    Column("start_time", Double, nullable=False),
    Column("finish_time", Double),
    Column("result", String(16)),
    Column("details", LongText),
    Index("ix_instance_action_events_instance", "instance_uuid", "request_id"),
)

instance_faults = Table(
    "instance_faults",
    metadata,
    Column("instance_uuid", String(36), primary_key=True),
    Column("code", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("details", LongText),
    Column("created_at", Double, nullable=False),
    comment="The last fault of an instance; message is for its user, details for operators.",
)

decisions = Table(
    "decisions",
    metadata,
    Column("instance_uuid", String(36), primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("decision", LongText, nullable=False),
    comment="Why the scheduler put an instance where it is, or nowhere (objects/decision.py).",
)

fleet_records = Table(
    "fleet_records",
    metadata,
    Id(),
    Column("picture", String(36), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("is_copy", Boolean, nullable=False),
    Column("created_at", Double, nullable=False, index=True),
    Column("data", LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb"), nullable=False),
    Index("ix_fleet_records_picture", "picture", "is_copy", "revision"),
    comment="Copies of the schedulers' pictures of the hosts and the changes between them, for replay.",
)

services = Table(
    "services",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("binary", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("address", String(255), nullable=False),
    Column("incarnation", String(36), nullable=False),
    Column("version", String(32), nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("disabled_reason", String(255)),
    Column("forced_down", Boolean, nullable=False, default=False),
    Column("alarms", Text),
    Column("last_seen_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("binary", "host"),
    Index("ix_services_address", "address"),
)

plugin_accounts = Table(
    "plugin_accounts",
    metadata,
    Id(),
    Column("binary", String(64), nullable=False),
    Column("address", String(255), nullable=False),
    Column("incarnation", String(36), nullable=False),
    Column("told_at", Double, nullable=False),
    Column("accounts", LongText, nullable=False),
    UniqueConstraint("incarnation", "binary"),
    comment="How the plug-ins of each service that runs do (objects/plugin_account.py).",
)

compute_nodes = Table(
    "compute_nodes",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("host", String(255), nullable=False, unique=True),
    Column("hypervisor_type", String(64), nullable=False),
    Column("hypervisor_version", Integer, nullable=False),
    Column("host_ip", String(64), nullable=False),
    Column("facts", LongText, nullable=False, comment="traits, supported_instances, cpu_info as JSON"),
    Column("failed_builds", Integer, nullable=False, default=0),
    Column("created_at", Double, nullable=False),
    # Bumped by whatever changes what a scheduler must know of this host; it reads rows newer than its last look.
    Column("changed_at", Double, nullable=False, index=True),
    # Counts those changes: a scheduler that has made all of them itself need not read the host again.
    Column("revision", Integer, nullable=False, default=0, server_default="0"),
)

inventories = Table(
    "inventories",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("resource_class", String(64), primary_key=True),
    Column("total", Integer, nullable=False),
    Column("reserved", Integer, nullable=False),
    Column("allocation_ratio", Double, nullable=False),
    Column("min_unit", Integer, nullable=False),
    Column("max_unit", Integer, nullable=False),
    Column("step_size", Integer, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("used", Integer, nullable=False, default=0),
    CheckConstraint("used >= 0", name="used_not_negative"),
)

provided_inventories = Table(
    "provided_inventories",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("resource_class", String(64), primary_key=True),
    Column("total", Integer, nullable=False),
    Column("reserved", Integer, nullable=False),
    Column("allocation_ratio", Double, nullable=False),
    Column("min_unit", Integer, nullable=False),
    Column("max_unit", Integer, nullable=False),
    Column("step_size", Integer, nullable=False),
    comment="Inventories that administrators gave to hosts; they replace what the compute tells.",
)

provided_traits = Table(
    "provided_traits",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("trait", String(255), primary_key=True),
    comment="Traits that administrators gave to hosts, beside those that the compute tells.",
)

allocations = Table(
    "allocations",
    metadata,
    Column("instance_uuid", String(36), primary_key=True),
    Column("resource_class", String(64), primary_key=True),
    Column("host", String(255), nullable=False, index=True),
    Column("used", Integer, nullable=False),
)

host_topologies = Table(
    "host_topologies",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("topology", LongText, nullable=False),
    Column("used", LongText, nullable=False),
    Column("generation", Integer, nullable=False, default=0),
    comment="NUMA cells and PCI devices of hosts as reported, and what is used of them (objects/topology.py).",
)

topology_claims = Table(
    "topology_claims",
    metadata,
    Column("instance_uuid", String(36), primary_key=True),
    Column("host", String(255), nullable=False, index=True),
    Column("claim", LongText, nullable=False),
    comment="Which CPUs, pages and PCI devices of its host an instance has.",
)

aggregates = Table(
    "aggregates",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("metadata", Text, nullable=False, default="{}"),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double),
)

aggregate_hosts = Table(
    "aggregate_hosts",
    metadata,
    Column("aggregate_id", Integer, ForeignKey("aggregates.id"), primary_key=True),
    Column("host", String(255), primary_key=True),
)

flavors = Table(
    "flavors",
    metadata,
    Id(),
    Column("flavorid", String(255), nullable=False, unique=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("is_public", Boolean, nullable=False, default=True),
    Column("flavor", LongText, nullable=False),
    Column("created_at", Double, nullable=False),
)

flavor_projects = Table(
    "flavor_projects",
    metadata,
    Column("flavorid", String(255), primary_key=True),
    Column("project_id", String(64), primary_key=True),
)

server_groups = Table(
    "server_groups",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("user_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("policy", String(32), nullable=False),
    Column("rules", Text, nullable=False, default="{}"),
    Column("generation", Integer, nullable=False, default=0),
    Column("created_at", Double, nullable=False),
)

keypairs = Table(
    "keypairs",
    metadata,
    Id(),
    Column("user_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("type", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("user_id", "name"),
)

quota_usages = Table(
    "quota_usages",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("instances", BigInteger, nullable=False, default=0),
    Column("cores", BigInteger, nullable=False, default=0),
    Column("ram_mb", BigInteger, nullable=False, default=0),
    Column("server_groups", BigInteger, nullable=False, default=0),
)

images = Table(
    "images",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", String(255)),
    Column("owner", String(64), nullable=False),
    # A deleted image stays as a row of that status, so that nobody else gets its id.
    Column("status", String(32), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("size", BigInteger),
    Column("virtual_size", BigInteger),
    Column("disk_format", String(16)),
    Column("container_format", String(16)),
    Column("min_disk", Integer, nullable=False, default=0),
    Column("min_ram", Integer, nullable=False, default=0),
    Column("protected", Boolean, nullable=False, default=False),
    Column("os_hidden", Boolean, nullable=False, default=False),
    Column("checksum", String(64)),
    Column("os_hash_algo", String(16)),
    Column("os_hash_value", String(128)),
    Column("properties", LongText, nullable=False, default="{}"),
    Column("tags", LongText),
    # Which upload the bytes are of, or which one is under way and until when it is believed to be alive.
    Column("upload_id", String(36)),
    Column("upload_until", Double),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

image_members = Table(
    "image_members",
    metadata,
    Column("image_uuid", String(36), primary_key=True),
    Column("member", String(64), primary_key=True),
    Column("status", String(16), nullable=False, default="pending"),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    comment="Projects with which the owner of an image shares it.",
)

domains = Table(
    "domains",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text, nullable=False, default=""),
    Column("enabled", Boolean, nullable=False, default=True),
)

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("domain_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("enabled", Boolean, nullable=False, default=True),
    UniqueConstraint("domain_id", "name"),
)

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("domain_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("password_hash", LargeBinary(128), nullable=False),
    Column("default_project_id", String(64)),
    Column("email", String(255)),
    Column("enabled", Boolean, nullable=False, default=True),
    UniqueConstraint("domain_id", "name"),
)

roles = Table(
    "roles",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
)

role_assignments = Table(
    "role_assignments",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("role_id", String(64), primary_key=True),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("audit_id", String(32), primary_key=True),
    Column("expires_at", Double, nullable=False, index=True),
    comment="Tokens of the embedded identity service that were revoked before they expired.",
)

networks = Table(
    "networks",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("description", String(255), nullable=False, default=""),
    Column("admin_state_up", Boolean, nullable=False, default=True),
    Column("shared", Boolean, nullable=False, default=False),
    Column("external", Boolean, nullable=False, default=False),
    Column("port_security", Boolean, nullable=False, default=True),
    Column("network_type", String(16), nullable=False),
    Column("bridge", String(64)),
    Column("mtu", Integer, nullable=False, default=1500),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    comment="Networks of the embedded service. Whoever changes what is inside a network holds its row.",
)

subnets = Table(
    "subnets",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("network_uuid", String(36), nullable=False, index=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("description", String(255), nullable=False, default=""),
    Column("ip_version", Integer, nullable=False),
    Column("cidr", String(64), nullable=False),
    Column("gateway_ip", String(64)),
    Column("enable_dhcp", Boolean, nullable=False),
    Column("dns_nameservers", Text, nullable=False, default="[]"),
    Column("host_routes", Text, nullable=False, default="[]"),
    Column("pools", Text, nullable=False, default="[]"),
    # Where the search for the next free address begins: addresses come back into use as late as possible.
    Column("cursor", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

ports = Table(
    "ports",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("network_uuid", String(36), nullable=False, index=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False, default=""),
    Column("description", String(255), nullable=False, default=""),
    Column("mac", String(17), nullable=False, unique=True),
    Column("device_id", String(255), nullable=False, default="", index=True),
    Column("device_owner", String(255), nullable=False, default=""),
    Column("admin_state_up", Boolean, nullable=False, default=True),
    Column("status", String(16), nullable=False, default="DOWN"),
    Column("port_security", Boolean, nullable=False, default=True),
    # The server that has it. Not device_id, which users may set to anything.
    Column("instance_uuid", String(36), index=True),
    Column("slot", Integer, nullable=False, default=0),
    Column("tag", String(255)),
    Column("preserve", Boolean, nullable=False, default=True),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

port_addresses = Table(
    "port_addresses",
    metadata,
    Column("subnet_uuid", String(36), primary_key=True),
    # Where in its subnet the address is (db/addresses.py), for looking for gaps.
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("address", String(45), nullable=False),
    Column("port_uuid", String(36), nullable=False, index=True),
    UniqueConstraint("subnet_uuid", "address"),
)

security_groups = Table(
    "security_groups",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("description", String(255), nullable=False, default=""),
    # The project whose default group this is; NULL for all others.
    Column("default_of", String(64), unique=True),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

security_group_rules = Table(
    "security_group_rules",
    metadata,
    Id(),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("group_uuid", String(36), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("description", String(255), nullable=False, default=""),
    Column("direction", String(8), nullable=False),
    Column("ethertype", String(8), nullable=False),
    Column("protocol", String(40)),
    Column("port_min", Integer),
    Column("port_max", Integer),
    Column("remote_prefix", String(64)),
    Column("remote_group", String(36), index=True),
    # What the rule lets through, in one spelling: a group has no two rules that mean the same.
    Column("meaning", String(255), nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("group_uuid", "meaning"),
)

port_security_groups = Table(
    "port_security_groups",
    metadata,
    Column("port_uuid", String(36), primary_key=True),
    Column("group_uuid", String(36), primary_key=True, index=True),
)

network_quotas = Table(
    "network_quotas",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("network", Integer),
    Column("subnet", Integer),
    Column("port", Integer),
    Column("security_group", Integer),
    Column("security_group_rule", Integer),
    comment="A project's own limits, NULL for those of the ini file. Whoever adds to a project holds its row.",
)
