"""Every path of the compute API: one row a method, one row an action. Start here to find who answers a request.

A new resource is one row here, one handler (handlers/), one schema (schemas/), one view (views/) and one rule
(corenova/policy.py); nothing else knows its name. Microversions are minors: 53 is 2.53.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from corenova.api.handlers import (
    addresses,
    aggregates,
    extensions,
    flavor_access,
    flavor_extra_specs,
    flavors,
    groups,
    hypervisors,
    instance_actions,
    interfaces,
    keypairs,
    not_offered,
    plugin_routes,
    processes,
    providers,
    quotas,
    scheduling,
    security_groups,
    server_actions,
    server_consoles,
    server_create,
    server_images,
    server_rebuild,
    servers,
    services,
    zones,
)
from corenova.api.microversions import FIRST, LATEST
from corenova.api.schemas import aggregates as aggregate_schemas
from corenova.api.schemas import flavors as flavor_schemas
from corenova.api.schemas import groups as group_schemas
from corenova.api.schemas import keypairs as keypair_schemas
from corenova.api.schemas import providers as provider_schemas
from corenova.api.schemas import quotas as quota_schemas
from corenova.api.schemas import server_actions as action_schemas
from corenova.api.schemas import servers as server_schemas
from corenova.api.schemas import services as service_schemas
from corenova.api.validation import SchemaOf

_C = "os_compute_api:"


class Route(NamedTuple):
    """A method of a path.

    :param path: a field is one segment, but for ``{path}``, which is all that is left.
    :param handler: takes the Call and the path's fields by name; returns what is encoded as JSON, None for no body.
    :param rule: the policy rule, asked with the caller's own project.
    :param body, query: the schema of the body and of the query string.
    :param since, until: the first and last microversion; outside them the path is not found.
    """

    method: str
    path: str
    handler: Callable[..., object]
    rule: str
    status: int = 200
    body: SchemaOf | None = None
    query: SchemaOf | None = None
    since: int = FIRST
    until: int = LATEST


class Action(NamedTuple):
    """One key of the body of ``POST <path>``; the rest is as in Route."""

    path: str
    key: str
    handler: Callable[..., object]
    rule: str
    body: SchemaOf
    status: int = 202
    since: int = FIRST
    until: int = LATEST


_SERVER = "/servers/{server_id}"
_FLAVOR = "/flavors/{flavor_id}"
_SPEC = _FLAVOR + "/os-extra_specs/{key}"
_INTERFACE = _SERVER + "/os-interface/{port_id}"
_VOLUMES = _SERVER + "/os-volume_attachments"
_ACTIONS = _SERVER + "/os-instance-actions"
_SERVICE = "/os-services/{service_id}"
_HYPERVISOR = "/os-hypervisors/{hypervisor_id}"
_INVENTORY = _HYPERVISOR + "/inventories/{resource_class}"
_GROUP = "/os-server-groups/{group_id}"
_AGGREGATE = "/os-aggregates/{aggregate_id}"
_KEYPAIR = "/os-keypairs/{keypair_name}"
_QUOTA = "/os-quota-sets/{project_id}"

_servers, _flavors, _act = server_schemas, flavor_schemas, action_schemas
_manage, _specs = _C + "os-flavor-manage:", _C + "os-flavor-extra-specs:"
_hyper, _aggregates = _C + "os-hypervisors:", _C + "os-aggregates:"
_provider = "corenova:hypervisors:"
_volumes = _C + "os-volumes-attachments:"
_keys, _interfaces = _C + "os-keypairs:", _C + "os-attach-interfaces:"
_one_key: dict[str, Any] = {"query": keypair_schemas.keypair_query}
_by_name: dict[str, Any] = {"body": service_schemas.update_by_name, "until": 52}

ROUTES: tuple[Route, ...] = (
    Route("GET", "/servers", servers.index, _C + "servers:index", query=_servers.index_query),
    Route("GET", "/servers/detail", servers.detail, _C + "servers:detail", query=_servers.index_query),
    Route("POST", "/servers", server_create.create, _C + "servers:create", 202, _servers.create),
    Route("GET", _SERVER, servers.show, _C + "servers:show"),
    Route("PUT", _SERVER, servers.update, _C + "servers:update", body=_servers.update),
    Route("DELETE", _SERVER, servers.delete, _C + "servers:delete", 204),
    Route("GET", _ACTIONS, instance_actions.index, _C + "os-instance-actions:list", query=_servers.actions_query),
    Route("GET", _ACTIONS + "/{request_id}", instance_actions.show, _C + "os-instance-actions:show"),
    Route("GET", _SERVER + "/ips", addresses.index, _C + "ips:index"),
    Route("GET", _SERVER + "/ips/{network_label}", addresses.show, _C + "ips:show"),
    Route("GET", _SERVER + "/os-interface", interfaces.index, _interfaces + "list"),
    Route("POST", _SERVER + "/os-interface", interfaces.attach, _interfaces + "create", body=_act.attach_interface),
    Route("GET", _INTERFACE, interfaces.show, _interfaces + "show"),
    Route("DELETE", _INTERFACE, interfaces.detach, _interfaces + "delete", 202),
    Route("GET", _VOLUMES, not_offered.list_volumes, _volumes + "index"),
    Route("POST", _VOLUMES, not_offered.attach_volume, _volumes + "create", body=_act.attach_volume),
    Route("GET", _VOLUMES + "/{volume_id}", not_offered.show_volume, _volumes + "show"),
    Route("GET", _SERVER + "/os-security-groups", security_groups.index, _C + "os-security-groups:list"),
    Route("GET", _SERVER + "/os-console-addresses", server_consoles.addresses, "corenova:servers:console-addresses"),
    Route("GET", _SERVER + "/os-screenshot", server_consoles.screenshot, "corenova:servers:screenshot"),
    Route("GET", _SERVER + "/diagnostics", server_consoles.diagnostics, _C + "os-server-diagnostics"),
    Route("GET", _SERVER + "/os-scheduling", scheduling.show, "corenova:servers:scheduling"),
    Route("GET", "/flavors", flavors.index, "corenova:flavors:show", query=_flavors.index_query),
    Route("GET", "/flavors/detail", flavors.detail, "corenova:flavors:show", query=_flavors.index_query),
    Route("POST", "/flavors", flavors.create, _manage + "create", body=_flavors.create),
    Route("GET", _FLAVOR, flavors.show, "corenova:flavors:show"),
    Route("PUT", _FLAVOR, flavors.update, _manage + "update", body=_flavors.update, since=55),
    Route("DELETE", _FLAVOR, flavors.delete, _manage + "delete", 202),
    Route("GET", _FLAVOR + "/os-extra_specs", flavor_extra_specs.index, _specs + "index"),
    Route(
        "POST",
        _FLAVOR + "/os-extra_specs",
        flavor_extra_specs.create,
        _specs + "create",
        body=_flavors.create_extra_specs,
    ),
    Route("GET", _SPEC, flavor_extra_specs.show, _specs + "show"),
    Route("PUT", _SPEC, flavor_extra_specs.update, _specs + "update", body=_flavors.update_extra_spec),
    Route("DELETE", _SPEC, flavor_extra_specs.delete, _specs + "delete"),
    Route("GET", _FLAVOR + "/os-flavor-access", flavor_access.index, _C + "os-flavor-access"),
    Route("GET", "/os-services", services.index, _C + "os-services:list", query=service_schemas.index_query),
    Route("PUT", "/os-services/enable", services.enable, _C + "os-services:update", **_by_name),
    Route("PUT", "/os-services/disable", services.disable, _C + "os-services:update", **_by_name),
    Route("PUT", "/os-services/disable-log-reason", services.disable_log_reason, _C + "os-services:update", **_by_name),
    Route("PUT", "/os-services/force-down", services.force_down, _C + "os-services:update", since=11, **_by_name),
    Route("PUT", _SERVICE, services.update, _C + "os-services:update", body=service_schemas.update, since=53),
    Route("DELETE", _SERVICE, services.delete, _C + "os-services:delete", 204),
    Route("GET", "/os-hypervisors", hypervisors.index, _hyper + "list", query=service_schemas.hypervisors_query),
    Route(
        "GET",
        "/os-hypervisors/detail",
        hypervisors.detail,
        _hyper + "list-detail",
        query=service_schemas.hypervisors_query,
    ),
    Route("GET", "/os-hypervisors/statistics", hypervisors.statistics, _hyper + "statistics", until=87),
    Route("GET", _HYPERVISOR, hypervisors.show, _hyper + "show", query=service_schemas.hypervisor_query),
    Route("GET", _HYPERVISOR + "/uptime", hypervisors.uptime, _hyper + "uptime", until=87),
    Route("GET", _HYPERVISOR + "/search", hypervisors.search, _hyper + "search", until=52),
    Route("GET", _HYPERVISOR + "/servers", hypervisors.servers, _hyper + "servers", until=52),
    Route("GET", _HYPERVISOR + "/traits", providers.traits, _provider + "traits:list", since=53),
    Route(
        "PUT",
        _HYPERVISOR + "/traits",
        providers.set_traits,
        _provider + "traits:update",
        body=provider_schemas.set_traits,
        since=53,
    ),
    Route("GET", _HYPERVISOR + "/inventories", providers.inventories, _provider + "inventories:list", since=53),
    Route("GET", _INVENTORY, providers.inventory, _provider + "inventories:show", since=53),
    Route(
        "PUT",
        _INVENTORY,
        providers.set_inventory,
        _provider + "inventories:update",
        body=provider_schemas.set_inventory,
        since=53,
    ),
    Route("DELETE", _INVENTORY, providers.delete_inventory, _provider + "inventories:delete", 204, since=53),
    Route("GET", "/os-server-groups", groups.index, _C + "os-server-groups:index", query=group_schemas.index_query),
    Route("POST", "/os-server-groups", groups.create, _C + "os-server-groups:create", body=group_schemas.create),
    Route("GET", _GROUP, groups.show, _C + "os-server-groups:show"),
    Route("DELETE", _GROUP, groups.delete, _C + "os-server-groups:delete", 204),
    Route("GET", "/os-keypairs", keypairs.index, _keys + "index", query=keypair_schemas.index_query),
    Route("POST", "/os-keypairs", keypairs.create, _keys + "create", body=keypair_schemas.create, until=1),
    Route("POST", "/os-keypairs", keypairs.create, _keys + "create", 201, keypair_schemas.create, since=2),
    Route("GET", _KEYPAIR, keypairs.show, _keys + "show", **_one_key),
    Route("DELETE", _KEYPAIR, keypairs.delete, _keys + "delete", 202, **_one_key, until=1),
    Route("DELETE", _KEYPAIR, keypairs.delete, _keys + "delete", 204, **_one_key, since=2),
    Route("GET", "/os-aggregates", aggregates.index, _aggregates + "index"),
    Route("POST", "/os-aggregates", aggregates.create, _aggregates + "create", body=aggregate_schemas.create),
    Route("GET", _AGGREGATE, aggregates.show, _aggregates + "show"),
    Route("PUT", _AGGREGATE, aggregates.update, _aggregates + "update", body=aggregate_schemas.update),
    Route("DELETE", _AGGREGATE, aggregates.delete, _aggregates + "delete"),
    Route("GET", "/os-availability-zone", zones.index, _C + "os-availability-zone:list"),
    Route("GET", "/os-availability-zone/detail", zones.detail, _C + "os-availability-zone:detail"),
    Route("GET", "/limits", quotas.limits, _C + "limits", query=quota_schemas.limits_query),
    Route("GET", _QUOTA, quotas.show, _C + "os-quota-sets:show", query=quota_schemas.quota_query),
    Route("GET", _QUOTA + "/defaults", quotas.defaults, _C + "os-quota-sets:defaults"),
    Route("GET", _QUOTA + "/detail", quotas.detail, _C + "os-quota-sets:detail", query=quota_schemas.quota_query),
    Route("GET", "/extensions", extensions.index, _C + "extensions"),
    Route("GET", "/extensions/{alias}", extensions.show, _C + "extensions"),
    Route("GET", "/os-processes", processes.index, "corenova:processes:list"),
    Route("GET", "/os-plugins/{plugin}/{path}", plugin_routes.show, "corenova:plugins:resources"),
)

_ON_SERVER, _ON_FLAVOR, _ON_AGGREGATE = _SERVER + "/action", _FLAVOR + "/action", _AGGREGATE + "/action"
_access = _C + "os-flavor-access:"

ACTIONS: tuple[Action, ...] = (
    Action(_ON_SERVER, "os-start", server_actions.start, _C + "servers:start", _servers.start),
    Action(_ON_SERVER, "os-stop", server_actions.stop, _C + "servers:stop", _servers.stop),
    Action(_ON_SERVER, "reboot", server_actions.reboot, _C + "servers:reboot", _servers.reboot),
    Action(_ON_SERVER, "pause", server_actions.pause, _C + "os-pause-server:pause", _act.pause),
    Action(_ON_SERVER, "unpause", server_actions.unpause, _C + "os-pause-server:unpause", _act.unpause),
    Action(_ON_SERVER, "suspend", server_actions.suspend, _C + "os-suspend-server:suspend", _act.suspend),
    Action(_ON_SERVER, "resume", server_actions.resume, _C + "os-suspend-server:resume", _act.resume),
    Action(_ON_SERVER, "rescue", server_actions.rescue, _C + "os-rescue", _act.rescue, 200),
    Action(_ON_SERVER, "unrescue", server_actions.unrescue, _C + "os-unrescue", _act.unrescue),
    Action(_ON_SERVER, "rebuild", server_rebuild.rebuild, _C + "servers:rebuild", _act.rebuild),
    Action(_ON_SERVER, "createImage", server_images.create_image, _C + "servers:create_image", _act.create_image),
    Action(_ON_SERVER, "resize", not_offered.act, _C + "servers:resize", _act.resize),
    Action(_ON_SERVER, "confirmResize", not_offered.act, _C + "servers:confirm_resize", _act.confirm_resize, 204),
    Action(_ON_SERVER, "revertResize", not_offered.act, _C + "servers:revert_resize", _act.revert_resize),
    Action(_ON_SERVER, "migrate", not_offered.act, _C + "os-migrate-server:migrate", _act.migrate),
    Action(_ON_SERVER, "os-migrateLive", not_offered.act, _C + "os-migrate-server:migrate_live", _act.migrate_live),
    Action(_ON_SERVER, "evacuate", not_offered.act, _C + "os-evacuate", _act.evacuate, 200),
    Action(
        _ON_SERVER,
        "addSecurityGroup",
        security_groups.add,
        _C + "os-security-groups:add",
        _act.add_security_group,
    ),
    Action(
        _ON_SERVER,
        "removeSecurityGroup",
        security_groups.remove,
        _C + "os-security-groups:remove",
        _act.remove_security_group,
    ),
    Action(
        _ON_SERVER,
        "os-getConsoleOutput",
        server_consoles.console_output,
        _C + "os-console-output",
        _act.console_output,
        200,
    ),
    Action(
        _ON_SERVER,
        "os-resetState",
        server_actions.reset_state,
        _C + "os-admin-actions:reset_state",
        _servers.reset_state,
    ),
    Action(_ON_FLAVOR, "addTenantAccess", flavor_access.add, _access + "add_tenant_access", _flavors.add_access, 200),
    Action(
        _ON_FLAVOR,
        "removeTenantAccess",
        flavor_access.remove,
        _access + "remove_tenant_access",
        _flavors.remove_access,
        200,
    ),
    Action(_ON_AGGREGATE, "add_host", aggregates.add_host, _aggregates + "add_host", aggregate_schemas.add_host, 200),
    Action(
        _ON_AGGREGATE,
        "remove_host",
        aggregates.remove_host,
        _aggregates + "remove_host",
        aggregate_schemas.remove_host,
        200,
    ),
    Action(
        _ON_AGGREGATE,
        "set_metadata",
        aggregates.set_metadata,
        _aggregates + "set_metadata",
        aggregate_schemas.set_metadata,
        200,
    ),
)
