"""What hooks hear of the hops of a compute: before a driver is asked for a guest, or to remove it, and after."""

import contextlib
from collections.abc import Iterator

from corenova.account import words
from corenova.events import without_secrets
from corenova.hooks import Hooks
from corenova.hooks.listener import clean
from corenova.objects.work import WorkOrder

CREATE = ("compute_create_pre", "compute_create_post")
DELETE = ("compute_delete_pre", "compute_delete_post")


class WorkLostError(Exception):
    """The lease on the work has ended: what was done for it is undone, and nobody is told how it has ended."""


@contextlib.contextmanager
def hop(hooks: Hooks, names: tuple[str, str], order: WorkOrder) -> Iterator[None]:
    """Tell hooks of ``names`` (CREATE or DELETE) before and after what is done inside the ``with`` block; not after
    when that raises :class:`WorkLostError`."""
    if not any(map(hooks.listens, names)):
        yield
        return
    before, after = names
    about = {"host": order.instance.host, "instance": without_secrets(order.instance)}
    hooks.call(before, **about)
    try:
        yield
    except WorkLostError:
        raise
    except Exception as failure:
        hooks.call(after, error=clean(words(failure)), **about)
        raise
    hooks.call(after, error=None, **about)
