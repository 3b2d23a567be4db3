"""Services as clients see them."""

import sqlalchemy as sa

from corenova.api.views.times import naive


def show(service: sa.Row, zone: str, version: int) -> dict[str, object]:
    """Return one service.

    :param zone: the availability zone of its host, ``internal`` for what is no compute.
    """
    shown = {
        "id": service.uuid if version >= 53 else service.id,
        "binary": service.binary,
        "host": service.host,
        "zone": zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if service.is_up else "down",
        "updated_at": naive(max(service.updated_at, service.last_seen_at)),
        "disabled_reason": service.disabled_reason,
    }
    if version >= 11:
        shown["forced_down"] = service.forced_down
    return shown
