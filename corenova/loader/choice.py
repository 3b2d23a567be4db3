"""What is enabled by name to plug-ins, in its order; and who may bring any, and who may be missing."""

import difflib
import logging
from collections.abc import Sequence

from oslo_config import cfg

from corenova.exceptions import PluginError
from corenova.loader.installed import Offers, normal, offers, owner
from corenova.loader.kinds import KINDS, Plugin
from corenova.loader.offer import Offer
from corenova.objects.plugin_account import PluginAccount

LOG = logging.getLogger(__name__)


def load(
    conf: cfg.ConfigOpts, group: str, names: Sequence[str], *, left_out: list[PluginAccount] | None = None
) -> list[Plugin]:
    """Load, construct and configure the plug-ins ``names`` of ``group``, in this order.

    :param left_out: takes the accounts of those that ``[plugins] optional`` names and that could not be loaded.
    :raises PluginError: one is missing, doubled, refused, does not import, or cannot be configured.
    """
    option = KINDS[group].option
    doubled = {name for name in names if list(names).count(name) > 1}
    if doubled:
        raise PluginError(f"{option} names {', '.join(sorted(doubled))} twice. Remove one.")
    there = offers(conf, group) if names else {}
    loaded = []
    for name in names:
        try:
            loaded.append(_loaded(conf, group, name, there))
        except PluginError as error:
            leave_out(conf, group, name, error, left_out)
    return loaded


def leave_out(
    conf: cfg.ConfigOpts, group: str, name: str, error: PluginError, left_out: list[PluginAccount] | None
) -> None:
    """Go on without a plug-in that cannot be used, if ``[plugins] optional`` names it; see :func:`load`.

    :raises PluginError: ``error``, if that option does not name it.
    """
    if name not in conf.plugins.optional:
        raise error
    LOG.error("The %s %s is left out, as [plugins] optional allows: %s", KINDS[group].noun, name, error)
    if left_out is not None:
        left_out.append(PluginAccount(group=group, name=name, reason=str(error), breaker="open"))


def load_one(conf: cfg.ConfigOpts, group: str, name: str) -> Plugin:
    """Load, construct and configure the one plug-in ``name`` of ``group``, which nothing works without.

    :raises PluginError: see :func:`load`; ``[plugins] optional`` makes no difference.
    """
    return _loaded(conf, group, name, offers(conf, group))


def refusal(conf: cfg.ConfigOpts, distribution: str) -> str | None:
    """Return why a distribution may not bring plug-ins, None when it may (``[plugins] allowed_distributions``)."""
    allowed = {normal(name) for name in conf.plugins.allowed_distributions}
    if not allowed or normal(distribution) in {"corenova", *allowed}:
        return None
    return (
        f"{distribution} is not among [plugins] allowed_distributions. Add it there if you trust it, it runs as the "
        "service does; or take its plug-ins out of the ini file."
    )


def _loaded(conf: cfg.ConfigOpts, group: str, name: str, there: Offers) -> Plugin:
    found = there.get(name, [])
    if not found:
        raise PluginError(_missing(group, name, sorted(there)))
    if len(found) > 1:
        owners = " and ".join(sorted(owner(one)[0] for one in found))
        raise PluginError(
            f"{KINDS[group].option}: offered by more than one distribution: {name} by {owners}. Uninstall one of them."
        )
    forbidden = refusal(conf, owner(found[0])[0])  # before its code is imported
    if forbidden:
        raise PluginError(f"{KINDS[group].option} names {name}: {forbidden}")
    return Offer(group, name, found[0]).load(conf)


def _missing(group: str, name: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Installed: {', '.join(there) or 'none'}."
    return f"{KINDS[group].option} names {name}, which no installed distribution offers in {group}. {hint}"
