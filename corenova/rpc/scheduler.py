"""What one can ask of a scheduler; its side of the wire is scheduler/manager.py."""

from collections.abc import Sequence

from corenova.objects.request_spec import RequestSpec, Selection, SelectRequest
from corenova.rpc.transport import Caller

TOPIC = "scheduler"


class SchedulerAPI:
    """Verbs of the scheduler."""

    def __init__(self, transport: object, *, timeout_s: float):
        self._caller = Caller(transport, TOPIC, namespace=TOPIC)
        self._timeout_s = timeout_s

    def select_destinations(self, requests: Sequence[SelectRequest]) -> list[Selection]:
        """Place instances and claim what they need; one answer an instance.

        :raises Unavailable: no scheduler answered. Then it is unknown what was claimed: the rows tell.
        """
        return self._caller.call("select_destinations", timeout_s=self._timeout_s, requests=list(requests))

    def check_host(self, spec: RequestSpec, host: str) -> str | None:
        """Return why ``host`` may not run what is asked, None when it may; nothing is claimed.

        :raises Unavailable: no scheduler answered.
        """
        return self._caller.call("check_host", timeout_s=self._timeout_s, spec=spec, host=host)
