"""The catalog as records: services, endpoints and regions. They follow from the ini file, so nothing changes them."""

from corenova.identity.call import Call, pick


def list_services(call: Call) -> dict[str, object]:
    """GET /v3/services?type=&name=."""
    return call.listing("services", _narrowed(call, _services(call), ("type", "name")))


def show_service(call: Call) -> dict[str, object]:
    """GET /v3/services/ID."""
    return {"service": pick(_services(call), call.params["service_id"], "service")}


def list_endpoints(call: Call) -> dict[str, object]:
    """GET /v3/endpoints?service_id=&interface=&region_id=."""
    return call.listing("endpoints", _narrowed(call, _endpoints(call), ("service_id", "interface", "region_id")))


def show_endpoint(call: Call) -> dict[str, object]:
    """GET /v3/endpoints/ID."""
    return {"endpoint": pick(_endpoints(call), call.params["endpoint_id"], "endpoint")}


def list_regions(call: Call) -> dict[str, object]:
    """GET /v3/regions."""
    return call.listing("regions", _regions(call))


def show_region(call: Call) -> dict[str, object]:
    """GET /v3/regions/NAME."""
    return {"region": pick(_regions(call), call.params["region_id"], "region")}


def _narrowed(call: Call, views: list[dict], filters: tuple[str, ...]) -> list[dict]:
    wanted = {name: call.query[name] for name in filters if name in call.query}
    return [view for view in views if all(view[name] == value for name, value in wanted.items())]


def _services(call: Call) -> list[dict]:
    return [
        {
            "id": service.id,
            "type": service.type,
            "name": service.name,
            "description": "",
            "enabled": True,
            "links": {"self": call.link(f"services/{service.id}")},
        }
        for service in call.service.services.services(call.url)
    ]


def _endpoints(call: Call) -> list[dict]:
    region = call.service.services.region
    return [
        {
            "id": endpoint.id,
            "service_id": endpoint.service_id,
            "interface": endpoint.interface,
            "url": endpoint.url,
            "region": region,
            "region_id": region,
            "enabled": True,
            "links": {"self": call.link(f"endpoints/{endpoint.id}")},
        }
        for service in call.service.services.services(call.url)
        for endpoint in service.endpoints
    ]


def _regions(call: Call) -> list[dict]:
    region = call.service.services.region
    links = {"self": call.link(f"regions/{region}")}
    return [{"id": region, "description": "", "parent_region_id": None, "links": links}]
