"""The conductor's part of a rebuild with another image: the host must be allowed to run it.

The scheduler is asked as for a new server (CVE-2017-16239), though only the filters that matter when the host is
settled are, and nothing is claimed: the flavor stays, so the claims do.
"""

import logging
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from corenova.contracts.backends import Backends
from corenova.db import instances, services, work
from corenova.db.engine import Database
from corenova.exceptions import CorenovaError
from corenova.objects.request_spec import RequestSpec
from corenova.objects.states import Step
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.scheduler import SchedulerAPI
from corenova.rpc.transport import RemoteError

LOG = logging.getLogger(__name__)
_REFUSED = "The new image cannot run on the host of this server."


class RebuildTask:
    """Checks rebuilds; stateless but for what it was given."""

    def __init__(
        self,
        db: Database,
        scheduler: SchedulerAPI,
        compute: ComputeAPI,
        backends: Backends,
        *,
        down_time_s: float,
    ):
        self._db = db
        self._scheduler = scheduler
        self._compute = compute
        self._backends = backends
        self._down_time_s = down_time_s

    def run(self, rows: Sequence[sa.Row]) -> None:
        """Let these rows, leased by this conductor, go on to their computes, or refuse them."""
        for row in rows:
            try:
                spec = msgspec.structs.replace(instances.decode_spec(row.spec), image=instances.decode_image(row.image))
                reason = self._scheduler.check_host(msgspec.structs.replace(spec, is_rebuild=True), row.host)
            except (msgspec.DecodeError, TypeError) as error:
                self._refuse(row, f"Its record cannot be read: {error}")
                continue
            except (CorenovaError, RemoteError) as error:
                LOG.warning("The rebuild of %s is put off: %s", row.uuid, str(error).partition("\n")[0])
                held = [(row.uuid, row.generation)]
                self._db.write("conductor.give_back", lambda connection, h=held: work.give_back(connection, h))
                continue
            self._go_on(row, spec) if reason is None else self._refuse(row, reason)

    def _go_on(self, row: sa.Row, spec: RequestSpec) -> None:
        def write(connection: sa.Connection) -> str | None:
            if not work.pass_on(connection, row, Step.REBUILD):
                return None
            instances.update(connection, row.uuid, spec=msgspec.json.encode(spec).decode())
            known = services.addresses(connection, [row.host], down_time_s=self._down_time_s)
            return known.get(row.host, (None, False))[0]

        address = self._db.write("conductor.rebuild", write)
        if address is not None:
            self._compute.hint(address, Step.REBUILD, [row.uuid])

    def _refuse(self, seen: sa.Row, reason: str) -> None:
        def write(connection: sa.Connection) -> None:
            row = work.locked(connection, [seen.uuid]).get(seen.uuid)
            if row is None or row.generation != seen.generation or row.step != Step.CHECK_REBUILD:
                return
            work.fail_action(connection, row, self._backends, vm_state=row.vm_state, message=_REFUSED, details=reason)

        self._db.write("conductor.rebuild_refused", write)
