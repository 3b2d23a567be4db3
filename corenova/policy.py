"""Who may do what: rules under Nova's names with Nova's defaults, decided by oslo.policy.

The API asks before every handler. Operators override rules in oslo.policy's own file (``[oslo_policy] policy_file``).
Whose servers a caller can see at all is not decided here but in the database query, so a stranger's server is *not
found* whatever the rules say.
"""

import threading
import time
from collections.abc import Iterable, Mapping

from oslo_config import cfg
from oslo_policy import policy as oslo

from corenova.exceptions import ConfigurationError, Forbidden
from corenova.objects.context import RequestContext

ADMIN = "rule:context_is_admin"
MEMBER = "rule:project_member_or_admin"
READER = "rule:project_reader_or_admin"
ANYBODY = "@"
OWNER = "rule:context_is_admin or user_id:%(user_id)s"

_BASE = (
    ("context_is_admin", "role:admin", "Who is an administrator."),
    ("project_member_api", "role:member and project_id:%(project_id)s", "Default of what changes things of a project."),
    ("project_reader_api", "role:reader and project_id:%(project_id)s", "Default of what shows things of a project."),
    ("project_member_or_admin", "rule:project_member_api or rule:context_is_admin", "A member, or an administrator."),
    ("project_reader_or_admin", "rule:project_reader_api or rule:context_is_admin", "A reader, or an administrator."),
)

_C = "os_compute_api:"
_ACTION = "POST /servers/{server_id}/action"
_TABLE: tuple[tuple[str, str, str, str], ...] = (
    (_C + "servers:index", READER, "List servers.", "GET /servers"),
    (_C + "servers:detail", READER, "List servers with all details.", "GET /servers/detail"),
    (_C + "servers:index:get_all_tenants", ADMIN, "List the servers of all projects.", "GET /servers"),
    (
        _C + "servers:detail:get_all_tenants",
        ADMIN,
        "List the servers of all projects with all details.",
        "GET /servers/detail",
    ),
    (_C + "servers:allow_all_filters", ADMIN, "Use every filter of the list of servers.", "GET /servers"),
    (_C + "servers:show", READER, "Show a server.", "GET /servers/{server_id}"),
    (
        _C + "servers:show:flavor-extra-specs",
        READER,
        "See the extra specs of a server's flavor (from 2.47).",
        "GET /servers/{server_id}",
    ),
    (_C + "servers:show:host_status", ADMIN, "See how a server's host is (from 2.16).", "GET /servers/{server_id}"),
    (
        _C + "servers:show:host_status:unknown-only",
        ADMIN,
        "See that a server's host is not known to be up (from 2.16), and nothing else of it.",
        "GET /servers/{server_id}",
    ),
    (
        _C + "os-extended-server-attributes",
        ADMIN,
        "See the OS-EXT-SRV-ATTR attributes of a server: host, instance name and others.",
        "GET /servers/{server_id}",
    ),
    (_C + "servers:create", MEMBER, "Create a server.", "POST /servers"),
    (_C + "servers:create:forced_host", ADMIN, "Create a server on a host of choice (zone:host).", "POST /servers"),
    (
        "compute:servers:create:requested_destination",
        ADMIN,
        "Create a server on a host of choice (host, hypervisor_hostname; from 2.74).",
        "POST /servers",
    ),
    (_C + "servers:create:attach_network", MEMBER, "Create a server with a network.", "POST /servers"),
    (
        _C + "servers:create:zero_disk_flavor",
        ADMIN,
        "Create a server from an image with a flavor that has no root disk.",
        "POST /servers",
    ),
    (_C + "servers:update", MEMBER, "Change a server's name or description.", "PUT /servers/{server_id}"),
    (_C + "servers:delete", MEMBER, "Delete a server.", "DELETE /servers/{server_id}"),
    (_C + "servers:start", MEMBER, "Start a server (os-start).", _ACTION),
    (_C + "servers:stop", MEMBER, "Stop a server (os-stop).", _ACTION),
    (_C + "servers:reboot", MEMBER, "Reboot a server (reboot).", _ACTION),
    (_C + "os-pause-server:pause", MEMBER, "Pause a server (pause).", _ACTION),
    (_C + "os-pause-server:unpause", MEMBER, "Let a paused server run on (unpause).", _ACTION),
    (_C + "os-suspend-server:suspend", MEMBER, "Suspend a server (suspend).", _ACTION),
    (_C + "os-suspend-server:resume", MEMBER, "Resume a suspended server (resume).", _ACTION),
    (_C + "os-rescue", MEMBER, "Put a server into rescue mode (rescue).", _ACTION),
    (_C + "os-unrescue", MEMBER, "Take a server out of rescue mode (unrescue).", _ACTION),
    (_C + "servers:rebuild", MEMBER, "Rebuild a server (rebuild).", _ACTION),
    (_C + "servers:create_image", MEMBER, "Make an image of a server (createImage).", _ACTION),
    (_C + "servers:resize", MEMBER, "Change the flavor of a server (resize).", _ACTION),
    (_C + "servers:confirm_resize", MEMBER, "Confirm a resize (confirmResize).", _ACTION),
    (_C + "servers:revert_resize", MEMBER, "Go back before a resize (revertResize).", _ACTION),
    (_C + "os-migrate-server:migrate", ADMIN, "Move a server to another host (migrate).", _ACTION),
    (_C + "os-migrate-server:migrate_live", ADMIN, "Move a running server to another host (os-migrateLive).", _ACTION),
    (_C + "os-evacuate", ADMIN, "Rebuild a server of a host that is down elsewhere (evacuate).", _ACTION),
    (
        _C + "os-volumes-attachments:index",
        READER,
        "List the volumes of a server.",
        "GET /servers/{server_id}/os-volume_attachments",
    ),
    (
        _C + "os-volumes-attachments:create",
        MEMBER,
        "Attach a volume to a server.",
        "POST /servers/{server_id}/os-volume_attachments",
    ),
    (
        _C + "os-volumes-attachments:show",
        READER,
        "Show a volume of a server.",
        "GET /servers/{server_id}/os-volume_attachments/{volume_id}",
    ),
    (_C + "os-console-output", MEMBER, "Read the console output of a server (os-getConsoleOutput).", _ACTION),
    (
        _C + "os-attach-interfaces:create",
        MEMBER,
        "Attach an interface to a server.",
        "POST /servers/{server_id}/os-interface",
    ),
    (
        _C + "os-attach-interfaces:delete",
        MEMBER,
        "Detach an interface from a server.",
        "DELETE /servers/{server_id}/os-interface/{port_id}",
    ),
    (
        _C + "os-security-groups:list",
        READER,
        "List the security groups of a server.",
        "GET /servers/{server_id}/os-security-groups",
    ),
    (_C + "os-security-groups:add", MEMBER, "Put a server into a security group (addSecurityGroup).", _ACTION),
    (_C + "os-security-groups:remove", MEMBER, "Take a server out of a security group (removeSecurityGroup).", _ACTION),
    (
        "corenova:servers:console-addresses",
        ADMIN,
        "See where screen and serial line of a server's guest listen on its host.",
        "GET /servers/{server_id}/os-console-addresses",
    ),
    (
        "corenova:servers:screenshot",
        MEMBER,
        "See what the screen of a server's guest shows.",
        "GET /servers/{server_id}/os-screenshot",
    ),
    (
        _C + "os-server-diagnostics",
        ADMIN,
        "See the counters of a server's guest.",
        "GET /servers/{server_id}/diagnostics",
    ),
    (_C + "os-admin-actions:reset_state", ADMIN, "Set a server's state by hand (os-resetState).", _ACTION),
    (_C + "ips:index", READER, "List the addresses of a server.", "GET /servers/{server_id}/ips"),
    (
        _C + "ips:show",
        READER,
        "List the addresses of a server on one network.",
        "GET /servers/{server_id}/ips/{network_label}",
    ),
    (
        _C + "os-attach-interfaces:list",
        READER,
        "List the interfaces of a server.",
        "GET /servers/{server_id}/os-interface",
    ),
    (
        _C + "os-attach-interfaces:show",
        READER,
        "Show an interface of a server.",
        "GET /servers/{server_id}/os-interface/{port_id}",
    ),
    (
        _C + "os-instance-actions:list",
        READER,
        "List what was done to a server.",
        "GET /servers/{server_id}/os-instance-actions",
    ),
    (
        _C + "os-instance-actions:show",
        READER,
        "Show one thing that was done to a server.",
        "GET /servers/{server_id}/os-instance-actions/{request_id}",
    ),
    (
        _C + "os-instance-actions:events",
        ADMIN,
        "See traceback and host of the events of an action; before 2.51, see the events at all.",
        "GET /servers/{server_id}/os-instance-actions/{request_id}",
    ),
    (
        _C + "os-instance-actions:events:details",
        ADMIN,
        "See the details of the events of an action (from 2.84).",
        "GET /servers/{server_id}/os-instance-actions/{request_id}",
    ),
    (
        "corenova:servers:scheduling",
        READER,
        "See why a server is where it is, or nowhere, without names of hosts.",
        "GET /servers/{server_id}/os-scheduling",
    ),
    (
        "corenova:servers:scheduling:hosts",
        ADMIN,
        "See names of hosts, and the words of each that refused, in why a server is where it is.",
        "GET /servers/{server_id}/os-scheduling",
    ),
    ("corenova:flavors:show", ANYBODY, "List and show flavors that the caller's project may use.", "GET /flavors"),
    (_C + "os-flavor-manage:create", ADMIN, "Create a flavor.", "POST /flavors"),
    (_C + "os-flavor-manage:update", ADMIN, "Change a flavor's description (2.55).", "PUT /flavors/{flavor_id}"),
    (_C + "os-flavor-manage:delete", ADMIN, "Delete a flavor.", "DELETE /flavors/{flavor_id}"),
    (
        _C + "os-flavor-access",
        ADMIN,
        "List the projects that may use a flavor.",
        "GET /flavors/{flavor_id}/os-flavor-access",
    ),
    (
        _C + "os-flavor-access:add_tenant_access",
        ADMIN,
        "Let a project use a flavor.",
        "POST /flavors/{flavor_id}/action",
    ),
    (
        _C + "os-flavor-access:remove_tenant_access",
        ADMIN,
        "No longer let a project use a flavor.",
        "POST /flavors/{flavor_id}/action",
    ),
    (
        _C + "os-flavor-extra-specs:index",
        READER,
        "See the extra specs of flavors.",
        "GET /flavors/{flavor_id}/os-extra_specs",
    ),
    (
        _C + "os-flavor-extra-specs:show",
        READER,
        "See one extra spec of a flavor.",
        "GET /flavors/{flavor_id}/os-extra_specs/{key}",
    ),
    (
        _C + "os-flavor-extra-specs:create",
        ADMIN,
        "Set extra specs of a flavor.",
        "POST /flavors/{flavor_id}/os-extra_specs",
    ),
    (
        _C + "os-flavor-extra-specs:update",
        ADMIN,
        "Change an extra spec of a flavor.",
        "PUT /flavors/{flavor_id}/os-extra_specs/{key}",
    ),
    (
        _C + "os-flavor-extra-specs:delete",
        ADMIN,
        "Remove an extra spec of a flavor.",
        "DELETE /flavors/{flavor_id}/os-extra_specs/{key}",
    ),
    (_C + "os-services:list", ADMIN, "List services.", "GET /os-services"),
    (_C + "os-services:update", ADMIN, "Enable, disable or force down a service.", "PUT /os-services/{service_id}"),
    (_C + "os-services:delete", ADMIN, "Forget a service.", "DELETE /os-services/{service_id}"),
    (_C + "os-hypervisors:list", ADMIN, "List hypervisors.", "GET /os-hypervisors"),
    (_C + "os-hypervisors:list-detail", ADMIN, "List hypervisors with all details.", "GET /os-hypervisors/detail"),
    (_C + "os-hypervisors:show", ADMIN, "Show a hypervisor.", "GET /os-hypervisors/{hypervisor_id}"),
    (
        _C + "os-hypervisors:statistics",
        ADMIN,
        "See the sums over all hypervisors (up to 2.87).",
        "GET /os-hypervisors/statistics",
    ),
    (
        _C + "os-hypervisors:uptime",
        ADMIN,
        "See how long a hypervisor is up (up to 2.87).",
        "GET /os-hypervisors/{hypervisor_id}/uptime",
    ),
    (
        _C + "os-hypervisors:search",
        ADMIN,
        "Search hypervisors by name (up to 2.52).",
        "GET /os-hypervisors/{hypervisor_id}/search",
    ),
    (
        _C + "os-hypervisors:servers",
        ADMIN,
        "List servers by hypervisor name (up to 2.52).",
        "GET /os-hypervisors/{hypervisor_id}/servers",
    ),
    (
        "corenova:hypervisors:traits:list",
        ADMIN,
        "See the traits of a host.",
        "GET /os-hypervisors/{hypervisor_id}/traits",
    ),
    (
        "corenova:hypervisors:traits:update",
        ADMIN,
        "Give traits to a host.",
        "PUT /os-hypervisors/{hypervisor_id}/traits",
    ),
    (
        "corenova:hypervisors:inventories:list",
        ADMIN,
        "See all inventories of a host.",
        "GET /os-hypervisors/{hypervisor_id}/inventories",
    ),
    (
        "corenova:hypervisors:inventories:show",
        ADMIN,
        "See one inventory of a host.",
        "GET /os-hypervisors/{hypervisor_id}/inventories/{resource_class}",
    ),
    (
        "corenova:hypervisors:inventories:update",
        ADMIN,
        "Give an inventory to a host.",
        "PUT /os-hypervisors/{hypervisor_id}/inventories/{resource_class}",
    ),
    (
        "corenova:hypervisors:inventories:delete",
        ADMIN,
        "Take an inventory that was given to a host back.",
        "DELETE /os-hypervisors/{hypervisor_id}/inventories/{resource_class}",
    ),
    (_C + "os-server-groups:index", READER, "List server groups.", "GET /os-server-groups"),
    (
        _C + "os-server-groups:index:all_projects",
        ADMIN,
        "List the server groups of all projects.",
        "GET /os-server-groups",
    ),
    (_C + "os-server-groups:show", READER, "Show a server group.", "GET /os-server-groups/{group_id}"),
    (_C + "os-server-groups:create", MEMBER, "Create a server group.", "POST /os-server-groups"),
    (_C + "os-server-groups:delete", MEMBER, "Delete a server group.", "DELETE /os-server-groups/{group_id}"),
    (_C + "os-keypairs:index", OWNER, "List a user's key pairs.", "GET /os-keypairs"),
    (_C + "os-keypairs:show", OWNER, "Show a user's key pair.", "GET /os-keypairs/{keypair_name}"),
    (_C + "os-keypairs:create", OWNER, "Create or import a key pair for a user.", "POST /os-keypairs"),
    (_C + "os-keypairs:delete", OWNER, "Delete a user's key pair.", "DELETE /os-keypairs/{keypair_name}"),
    (_C + "os-aggregates:index", ADMIN, "List host aggregates.", "GET /os-aggregates"),
    (_C + "os-aggregates:show", ADMIN, "Show a host aggregate.", "GET /os-aggregates/{aggregate_id}"),
    (_C + "os-aggregates:create", ADMIN, "Create a host aggregate.", "POST /os-aggregates"),
    (
        _C + "os-aggregates:update",
        ADMIN,
        "Change a host aggregate's name or zone.",
        "PUT /os-aggregates/{aggregate_id}",
    ),
    (_C + "os-aggregates:delete", ADMIN, "Delete a host aggregate.", "DELETE /os-aggregates/{aggregate_id}"),
    (
        _C + "os-aggregates:add_host",
        ADMIN,
        "Put a host into an aggregate.",
        "POST /os-aggregates/{aggregate_id}/action",
    ),
    (
        _C + "os-aggregates:remove_host",
        ADMIN,
        "Take a host out of an aggregate.",
        "POST /os-aggregates/{aggregate_id}/action",
    ),
    (
        _C + "os-aggregates:set_metadata",
        ADMIN,
        "Set metadata of an aggregate.",
        "POST /os-aggregates/{aggregate_id}/action",
    ),
    (_C + "os-availability-zone:list", ANYBODY, "List availability zones.", "GET /os-availability-zone"),
    (
        _C + "os-availability-zone:detail",
        ADMIN,
        "List availability zones with their hosts.",
        "GET /os-availability-zone/detail",
    ),
    (_C + "limits", ANYBODY, "See limits and use of the own project.", "GET /limits"),
    (_C + "limits:other_project", ADMIN, "See limits and use of another project.", "GET /limits"),
    (_C + "os-quota-sets:show", READER, "See the quota of a project.", "GET /os-quota-sets/{project_id}"),
    (
        _C + "os-quota-sets:detail",
        READER,
        "See quota and use of a project.",
        "GET /os-quota-sets/{project_id}/detail",
    ),
    (_C + "os-quota-sets:defaults", ANYBODY, "See the default quota.", "GET /os-quota-sets/{project_id}/defaults"),
    (
        "corenova:plugins:resources",
        ADMIN,
        "See what hook plug-ins add to the API.",
        "GET /os-plugins/{plugin}/{path}",
    ),
    (_C + "extensions", ANYBODY, "List API extensions, for clients that ask for them.", "GET /extensions"),
    ("corenova:processes:list", ADMIN, "See the processes of the control plane from inside.", "GET /os-processes"),
)


def list_rules() -> list[oslo.RuleDefault]:
    """Return every rule of the compute API (entry point oslo.policy.policies)."""
    rules = [oslo.RuleDefault(name, check, description) for name, check, description in _BASE]
    for name, check, description, operation in _TABLE:
        method, path = operation.split(" ", 1)
        rules.append(
            oslo.DocumentedRuleDefault(
                name, check, description, [{"method": method, "path": path}], scope_types=["project"]
            )
        )
    return rules


class Enforcer:
    """oslo.policy with a memory: the same question of the same caller is not worked out again for two seconds.

    The key of the memory holds everything a rule can look at, so an overridden rule is remembered as exactly as a
    default one. After two seconds all is forgotten, so an edited policy file takes effect by itself.

    :param rules: rules beside those of the compute API (other services of the same process).
    """

    _KEEP_S = 2.0
    _MOST = 20_000

    def __init__(self, conf: cfg.ConfigOpts, *, rules: Iterable[oslo.RuleDefault] = ()):
        self._enforcer = oslo.Enforcer(conf)
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.register_defaults(list_rules())
        self._enforcer.register_defaults(list(rules))
        self._lock = threading.Lock()
        self._known: dict[tuple, bool] = {}
        self._forget_at = 0.0

    def load(self) -> None:
        """Read the policy file now; raises ConfigurationError when it is no policy file."""
        try:
            self._enforcer.load_rules(force_reload=True)
        except Exception as error:  # the library lets the errors of every parser through
            file = self._enforcer.policy_file
            cause = (str(error).splitlines() or ["?"])[0]
            raise ConfigurationError(f"[oslo_policy] policy_file = {file} cannot be read: {cause}. Mend it.") from error

    @property
    def registered(self) -> frozenset[str]:
        """The names of all rules."""
        return frozenset(self._enforcer.registered_rules)

    def allows(self, context: RequestContext, rule: str, target: Mapping[str, str] | None = None) -> bool:
        """Tell whether ``context`` may do what ``rule`` guards.

        :param target: what it is done to; the caller's own project when None.
        """
        if time.monotonic() > self._forget_at:
            self._known = {}
            self._forget_at = time.monotonic() + self._KEEP_S
        known = self._known
        key = (
            rule,
            context.user_id,
            context.project_id,
            context.roles,
            context.domain_id,
            None if target is None else tuple(target.items()),
        )
        allowed = known.get(key)
        if allowed is None:
            if target is None:
                target = {"project_id": context.project_id, "user_id": context.user_id}
            # oslo.policy reloads a changed file here and is not made for threads that do so at the same time.
            with self._lock:
                allowed = bool(self._enforcer.enforce(rule, dict(target), context.credentials()))
            if len(known) < self._MOST:
                known[key] = allowed
        return allowed


def build_enforcer(conf: cfg.ConfigOpts, *, rules: Iterable[oslo.RuleDefault] = ()) -> Enforcer:
    """Return the enforcer of this process; raises ConfigurationError for a policy file that cannot be read."""
    enforcer = Enforcer(conf, rules=rules)
    enforcer.load()
    return enforcer


def authorize(enforcer: Enforcer, context: RequestContext, rule: str, target: Mapping[str, str] | None = None) -> None:
    """Raise Forbidden, worded as Nova does, unless ``context`` may do what ``rule`` guards."""
    if not enforcer.allows(context, rule, target):
        raise Forbidden(f"Policy doesn't allow {rule} to be performed.")
