"""What conductor and compute tell each other about a piece of work: the order and the report on it."""

import enum

import msgspec

from corenova.objects.image import ImageAccess
from corenova.objects.instance import Guest, Instance
from corenova.objects.request_spec import ImageMeta


class StepArgs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a step is about, beside the instance; in the row (``instances.step_args``) for as long as the step is.

    :param image: what to boot from in rescue; for a rebuild the image before, which it goes back to when refused.
    :param image_id: the image that a snapshot fills.
    :param port_id: the port to attach or detach.
    :param admin_pass: the password that the guest is told.
    """

    image: ImageMeta | None = None
    image_id: str | None = None
    port_id: str | None = None
    admin_pass: str | None = None


NO_ARGS = StepArgs()


class WorkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A compute holds the lease on this instance's row and is to carry out ``step``.

    :param instance: the row as it stands; ``instance.generation`` is the fence to report with.
    :param step: see :class:`corenova.objects.states.Step`.
    :param port_id: the port that is attached or detached.
    :param upload: where a snapshot goes; None: nobody wants it any more, or ``is_uploaded``.
    :param is_uploaded: an earlier worker has uploaded the snapshot, and died before it could say so.
    """

    instance: Instance
    step: str
    port_id: str | None = None
    upload: ImageAccess | None = None
    is_uploaded: bool = False


class Result(enum.StrEnum):
    """How far a work order has come."""

    PROGRESS = "progress"
    """Under way; only ``task_state`` is told."""
    DONE = "done"
    """Carried out; ``power_state`` is what the guest is in now."""
    RESCHEDULE = "reschedule"
    """This host could not build it and has cleaned up; another host may."""
    FAILED = "failed"
    """It cannot be carried out, here or elsewhere; the host has cleaned up."""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A compute's word on one work order.

    :param reason: for RESCHEDULE and FAILED, one sentence for the operator.
    :param public_reason: the same for the user (no host names, paths or tracebacks).
    :param blames_host: whether a RESCHEDULE counts as a failed build of the host.
    """

    instance_uuid: str
    generation: int
    host: str
    step: str
    result: Result
    task_state: str | None = None
    power_state: int = 0
    reason: str = ""
    public_reason: str = ""
    blames_host: bool = True


class HostGuests(msgspec.Struct, frozen=True, kw_only=True):
    """All guests of one host at one moment, for reconciliation."""

    host: str
    guests: tuple[Guest, ...]


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """The conductor's answer to :class:`HostGuests`.

    :param orphans: (host, uuid) of guests that no row on that host wants; destroyed after two sightings.
    :param missing: (host, uuid, generation) of rows whose guest should be there and was not among those told.
    :param differing: the same, of rows whose guest has another power state than the row says.
    :param work: uuids of rows that wait for this compute (a hint to ask for the orders).
    """

    orphans: tuple[tuple[str, str], ...] = ()
    missing: tuple[tuple[str, str, int], ...] = ()
    differing: tuple[tuple[str, str, int], ...] = ()
    work: tuple[str, ...] = ()


class GuestSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a second look at a guest has shown; ``power_state`` None: there is no such guest.

    :param generation: the row's, as the verdict named it; an answer about an older one changes nothing.
    """

    uuid: str
    generation: int
    power_state: int | None = None


def storable(text: str) -> str:
    """Return ``text``, which a plug-in may have written, as every database and the bus can carry it."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "")[:4000]
