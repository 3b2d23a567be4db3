"""Why an instance is where it is, or nowhere, and what would help: what the scheduler keeps with each placement."""

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
    :param image_property_hosts: how many instances shared properties of the image.
    """

    picture: str
    among: int = 1
    instance_group: InstanceGroup | None = None
    instance_hosts: dict[str, str] = {}
    image_property_hosts: dict[str, dict[str, int]] = {}


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Hosts that one stage or filter turned down, the first to do so, with the same words."""

    stage: str
    reason: str
    hosts: tuple[str, ...]


class Remedy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change by which a request that fits nowhere would fit. No host is named but in ``host_names``.

    :param kind: reduce, zone, trait, hint, extra_spec, image_property, group, destination, several, fewer; and for
        operators service, host, size, filter (scheduler/remedies.py).
    :param sentence: the change for people.
    :param hosts: on how many of the hosts it would fit then, of a large fleet at least (for ``host``: how many are like
        the one to add).
    :param resource_class: reduce, size: ask for ``fits`` of it in place of ``asked``; ``fewer`` has two numbers too.
    :param amounts: reduce, when less of several classes is needed: what fits of each.
    :param zone: the zone to ask for; ``also`` has the others.
    :param trait: the trait not to require, or not to forbid.
    :param name: the hint, extra spec or property to leave out; host: the shape; filter: the filter.
    :param filters: who refuses because of it.
    :param parts: several: the changes that help together, as none does by itself.
    :param for_operators: not what a tenant can do, or should hear.
    :param host_names: some of these hosts, for administrators.
    """

    kind: str
    sentence: str
    hosts: int = 0
    resource_class: str | None = None
    asked: int | None = None
    fits: int | None = None
    amounts: dict[str, int] = {}
    zone: str | None = None
    also: tuple[str, ...] = ()
    trait: str | None = None
    name: str | None = None
    filters: tuple[str, ...] = ()
    parts: tuple["Remedy", ...] = ()
    for_operators: bool = False
    host_names: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One placement. ``refusals`` says why of every rejected host when nothing fits; it is operators' reading.

    :param host: the chosen host, or None.
    :param weights: per weigher the weighted value of the chosen host, then their sum under ``total``.
    :param alternates: the (host, zone) pairs that a failed build would go to next, best first.
    :param refusals: at most 1,000 hosts, those with equal reasons together; the counts in ``stages`` are whole.
    :param remedies: the smallest changes that would make it fit, the smallest first.
    :param summary: the sentence for the user when nothing fits.
    :param candidates: hosts that passed all but the lazily asked.
    :param revision: the scheduler's count of changes of hosts when it decided.
    :param inputs: None: it is not recorded.
    """

    host: str | None
    stages: tuple[StageResult, ...] = ()
    weights: dict[str, float] = {}
    alternates: tuple[tuple[str, str], ...] = ()
    refusals: tuple[Refusal, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    summary: str = ""
    candidates: int = 0
    revision: int = 0
    inputs: Inputs | None = None

    def counts(self) -> str:
        """Return one line a stage, for operators: how many hosts it was asked about and how many it let pass."""
        return "\n".join(f"{stage.name}: {stage.passed} of {stage.asked} hosts passed" for stage in self.stages)

    @property
    def rejections(self) -> tuple[Rejection, ...]:
        """The refusals host by host."""
        return tuple(Rejection(host, one.stage, one.reason) for one in self.refusals for host in one.hosts)

    def message(self) -> str:
        """Return what the user is told when nothing fits: the summary, and the smallest change that is his to make."""
        best = next((remedy.sentence for remedy in self.remedies if not remedy.for_operators), "")
        return f"{self.summary} {best}".strip()

    def details(self) -> str:
        """Return what operators are told when nothing fits: what the user is told, the counts, all that would help."""
        return "\n".join([self.message(), self.counts(), *(remedy.sentence for remedy in self.remedies)])
