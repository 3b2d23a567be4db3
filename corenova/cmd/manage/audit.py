"""``corenova-manage audit``: the invariants, with guests and threads as the running services tell them."""

from collections.abc import Sequence

from oslo_config import cfg

from corenova import audit
from corenova.cmd.manage import admin_api, database
from corenova.cmd.manage.output import Output
from corenova.exceptions import Unavailable
from corenova.objects.work import HostGuests


class _Told:
    """What the processes say, asked once for each look."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._conf = conf
        self._entries: list[admin_api.Process] = []
        self._silence: Unavailable | None = None

    def guests(self) -> Sequence[HostGuests]:
        """Ask; return the guests of all hosts whose compute answers."""
        try:
            self._entries, self._silence = admin_api.processes(self._conf), None
        except Unavailable as error:
            self._entries, self._silence = [], error
            raise
        return [host for entry in self._entries for host in entry.hosts or ()]

    def processes(self) -> Sequence[audit.ProcessFacts]:
        """Return what the same answer says of processes."""
        if self._silence is not None:
            raise self._silence
        return [
            audit.ProcessFacts(kind=e.kind, address=e.address, threads=e.threads, open_files=e.open_files)
            for e in self._entries
            if e.threads is not None or e.open_files is not None
        ]

    def silent(self) -> list[str]:
        """Return one sentence for each compute that did not answer."""
        return [f"I4 guests of compute {e.address}: {e.error}" for e in self._entries if e.error]


def run(conf: cfg.ConfigOpts, output: Output) -> int:
    """Audit; 0 when clean, 1 with findings."""
    told = _Told(conf)
    with database.reading(conf) as db:
        report = audit.audit(
            db,
            told.guests,
            look_at_processes=told.processes,
            down_time_s=float(conf.service_down_time),
            sweep_interval_s=float(conf.conductor.sweep_interval_s),
        )
    skipped = report.skipped + told.silent()
    output.json({"clean": not report.findings, "findings": report.findings, "skipped": skipped})
    for finding in report.findings:
        output.line(str(finding))
    for sentence in skipped:
        output.line(f"skipped: {sentence}")
    count = len(report.findings)
    output.line(f"{count} finding{'s' if count > 1 else ''}." if count else "Clean.")
    return 1 if report.findings else 0
