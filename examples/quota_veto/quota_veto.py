"""quota_veto: labs may use only so many cores at a time in office hours; at night they may use what is left.

A veto says no before anything is written, in words that the user reads. It fails closed: were it to raise, hang, or
return nonsense, the request would be refused as well. It is a rule of the house, not a quota: two requests at the same
moment are each told the usage before the other. What must hold exactly is ``[quota]``, which is claimed.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, time
from zoneinfo import ZoneInfo

from oslo_config import cfg

from corenova.contracts.hooks import hookimpl
from corenova.objects.context import RequestContext
from corenova.objects.request_spec import RequestSpec


class QuotaVeto:
    """Refuse servers with which a project would use more cores than the lab's share.

    :param clock: returns the time in a zone; tests set their own.
    """

    contract_version = (1, 0)

    options = [
        cfg.DictOpt("cores", default={}, help="The cores that a project may use, by its name or id: lab-a:8,lab-b:4."),
        cfg.StrOpt("office_hours", default="08:00-18:00", help="When that holds; 00:00-00:00: always."),
        cfg.StrOpt("time_zone", default="UTC", help="Whose hours these are, as Europe/Berlin."),
    ]

    def __init__(self, clock: Callable[[ZoneInfo], datetime] = datetime.now) -> None:
        self._clock = clock

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the section ``[quota_veto]``; raises ValueError for what cannot be read."""
        self._opens, self._closes = _hours(section.office_hours)
        self._zone = _zone(section.time_zone)
        self._cores = {project: _count(project, text) for project, text in section.cores.items()}

    @hookimpl
    def api_create_pre(
        self, context: RequestContext, spec: RequestSpec, count: int, usage: Callable[[], Mapping[str, int]]
    ) -> str | None:
        """Return the reason of a no, or None."""
        most = self._cores.get(context.project_id, self._cores.get(context.project_name))
        if most is None or not self._is_open():
            return None
        asked = spec.flavor.vcpus * count
        used = usage()["cores"]  # asks the database, so only now that it matters
        if used + asked <= most:
            return None
        hours = f" between {self._opens:%H:%M} and {self._closes:%H:%M} ({self._zone.key})"
        return (
            f"Project {context.project_name or context.project_id} may use {most} cores"
            f"{'' if self._is_always else hours}; it uses {used} and this request asks for {asked} more. "
            f"Ask for fewer{'' if self._is_always else ', wait,'} or delete some."
        )

    def _is_open(self) -> bool:
        now = self._clock(self._zone).time()
        if self._opens < self._closes:
            return self._opens <= now < self._closes
        return now >= self._opens or now < self._closes  # over midnight, or always

    @property
    def _is_always(self) -> bool:
        return self._opens == self._closes


def _hours(text: str) -> tuple[time, time]:
    try:
        opens, closes = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        raise ValueError(f"office_hours = {text} is not like 08:00-18:00.") from None
    return opens, closes


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except Exception:  # of several kinds: no such key, no such file, a path
        raise ValueError(f"time_zone = {name} is not known here. Write one like Europe/Berlin, or UTC.") from None


def _count(project: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"cores: {project}:{text} is no number of cores.")
    return int(text)
