"""``corenova-manage service``: who is there."""

from oslo_config import cfg

from corenova.cmd.manage import database
from corenova.cmd.manage.output import Output
from corenova.db import services
from corenova.db.engine import now

_COLUMNS = ("binary", "host", "address", "status", "state", "seen", "version", "alarms")


def list_services(conf: cfg.ConfigOpts, output: Output) -> int:
    """List the services and whether they are up."""
    import sqlalchemy as sa

    down_time_s = float(conf.service_down_time)
    with database.reading(conf) as db, db.reading() as connection:
        rows = services.list_services(connection, down_time_s=down_time_s)
        clock = float(connection.execute(sa.select(now())).scalar())
    # A service that stopped in good order is marked as never seen.
    found = [
        {
            "binary": row.binary,
            "host": row.host,
            "address": row.address,
            "status": "disabled" if row.disabled else "enabled",
            "disabled_reason": row.disabled_reason,
            "forced_down": bool(row.forced_down),
            "state": "up" if row.is_up else "down",
            "seen_s_ago": round(clock - row.last_seen_at, 1) if row.last_seen_at else None,
            "version": row.version,
            "alarms": row.alarms.split("\n") if row.alarms else [],
        }
        for row in rows
    ]
    output.json({"services": found})
    output.table(
        _COLUMNS,
        [[*(s[c] for c in _COLUMNS[:5]), _ago(s["seen_s_ago"]), s["version"], "; ".join(s["alarms"])] for s in found],
    )
    return 0


def _ago(seconds: float | None) -> str:
    return "stopped" if seconds is None else f"{seconds:.0f} s ago"
