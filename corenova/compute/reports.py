"""What became of orders, on its way to a conductor: one call for all that finished within a few milliseconds.

While no conductor can be reached, reports are kept. One that no conductor can write is dropped: its lease ends, and its
work is done again.
"""

import logging
import threading
from collections.abc import Callable

from corenova.coalesce import Mailbox
from corenova.exceptions import Unavailable
from corenova.objects.work import Report, Result, WorkOrder
from corenova.rpc.conductor import ConductorAPI

LOG = logging.getLogger(__name__)


class Reports:
    """A thread that sends them.

    :param linger_s: how long a report waits for others.
    :param discard: called with (host, uuid) of a guest whose work was given to somebody else meanwhile.
    :param stopping: set when the compute is about to stop: what cannot be sent then is not kept.
    """

    def __init__(
        self,
        conductor: ConductorAPI,
        address: str,
        *,
        linger_s: float,
        discard: Callable[[str, str], None],
        stopping: threading.Event,
    ):
        self._conductor, self._address, self._linger_s = conductor, address, linger_s
        self._discard, self._stopping = discard, stopping
        self._waiting: Mailbox[Report] = Mailbox(_final_wins)
        self._thread = threading.Thread(target=self._send, name="compute-reports", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """Take no more; what waits is sent."""
        self._waiting.close()

    def join(self, timeout_s: float) -> None:
        """Wait until all is sent, at most so long."""
        self._thread.join(timeout_s)

    def put(self, order: WorkOrder, result: Result, **told: object) -> None:
        """Report on an order; returns at once.

        :param told: further fields of corenova.objects.work.Report.
        """
        instance = order.instance
        report = Report(
            instance_uuid=instance.uuid,
            generation=instance.generation,
            host=instance.host,
            step=order.step,
            result=result,
            **told,
        )
        self._waiting.put({f"{instance.uuid}:{instance.generation}": report})

    def _send(self) -> None:
        while (reports := self._waiting.take(most=500, linger_s=self._linger_s)) is not None:
            if not reports:
                continue
            try:
                unwanted = self._conductor.report_work(self._address, list(reports.values()))
            except Unavailable as error:
                LOG.warning("%d reports are kept for a moment: %s", len(reports), error)
                if not self._stopping.wait(1.0):
                    self._waiting.put(reports)
                continue
            except Exception as error:
                LOG.error("%d reports failed together and are sent one by one: %s", len(reports), _first_line(error))
                unwanted = self._send_singly(reports)
            for host, uuid in unwanted:
                LOG.info("The work on %s was given to somebody else; its guest on %s goes", uuid, host)
                self._discard(host, uuid)

    def _send_singly(self, reports: dict[str, Report]) -> list[list[str]]:
        """One report that nobody can write must not keep the others; its lease ends and its work is done again."""
        unwanted = []
        for key, report in reports.items():
            try:
                unwanted += self._conductor.report_work(self._address, [report])
            except Unavailable:
                self._waiting.put({key: report})
            except Exception as error:
                LOG.error("The report on %s is dropped: %s", report.instance_uuid, _first_line(error))
        return unwanted


def _final_wins(older: Report, newer: Report) -> Report:
    """Reports that could not be sent come back to the mailbox, where the end of the work may wait by now."""
    return older if newer.result == Result.PROGRESS and older.result != Result.PROGRESS else newer


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
