"""Why an instance is where it is, or nowhere: what the scheduler keeps with each placement."""

import msgspec

from corenova.objects.request_spec import InstanceGroup


class StageResult(msgspec.Struct, frozen=True, array_like=True):
    """One stage or filter: how many hosts it was asked about and how many it let pass.

    :param lazily: it was asked one host at a time, the best first, until enough had passed.
    """

    name: str
    asked: int
    passed: int
    lazily: bool = False


class Rejection(msgspec.Struct, frozen=True, array_like=True):
    """One host that was turned down: by which stage or filter, and its words."""

    host: str
    stage: str
    reason: str


class Inputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a decision was made on beside the request, for replay.

    :param picture: names the record of the scheduler's picture of the hosts (db/fleet_records.py).
    :param among: the host was chosen at random among so many best ones, because others were claiming the same.
    :param instance_group: the server group as it was.
    :param instance_hosts: where the instances were that hints name.
    """

    picture: str
    among: int = 1
    instance_group: InstanceGroup | None = None
    instance_hosts: dict[str, str] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One placement. ``rejections`` names every rejected host when nothing fits; it is operators' reading.

    :param host: the chosen host, or None.
    :param weights: per weigher the weighted value of the chosen host, then their sum under ``total``.
    :param alternates: the (host, zone) pairs that a failed build would go to next, best first.
    :param summary: the sentence for the user when nothing fits.
    :param candidates: hosts that passed all but the lazily asked.
    :param revision: the scheduler's count of changes of hosts when it decided.
    :param inputs: None: it is not recorded.
    """

    host: str | None
    stages: tuple[StageResult, ...] = ()
    weights: dict[str, float] = {}
    alternates: tuple[tuple[str, str], ...] = ()
    rejections: tuple[Rejection, ...] = ()
    summary: str = ""
    candidates: int = 0
    revision: int = 0
    inputs: Inputs | None = None

    def counts(self) -> str:
        """Return one line a stage, for operators: how many hosts it was asked about and how many it let pass."""
        return "\n".join(f"{stage.name}: {stage.passed} of {stage.asked} hosts passed" for stage in self.stages)
