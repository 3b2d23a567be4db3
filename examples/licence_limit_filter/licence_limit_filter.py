"""LicenceLimitFilter: a server that needs a licence goes to a host that has one free, and no other server goes there.

Which licence a server needs is said by its flavor (extra spec ``licence:product``) or its image (property
``licence_product``). Which hosts have it is said by metadata of aggregates:

===================  ==============================================================================================
``licence_product``  what is licensed on these hosts. They are kept for it, so every server there uses the licence.
``licence_cores``    the licence is for hosts of at most so many cores: all cores of a host count, used or not.
``licence_servers``  so many servers may run on each of these hosts.
===================  ==============================================================================================

What a filter can promise: product and cores are facts of the host, so these two always hold. The number of servers is
what this scheduler knows; two schedulers that decide at the same moment may exceed it by one. A filter looks, it does
not claim. README.md says how to have licences claimed instead.
"""

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

EXTRA_SPEC, PROPERTY = "licence:product", "licence_product"
PRODUCT, CORES, SERVERS = "licence_product", "licence_cores", "licence_servers"


class LicenceLimitFilter:
    """Pass licensed hosts below their limits for servers that need the licence, and all other hosts for the others.

    One method decides and says why: so the two cannot differ. There is no vector form, because cores are no column.
    """

    contract_version = (1, 0)
    run_filter_once_per_request = False  # each server of a batch uses a licence
    RUN_ON_REBUILD = True  # or a server without a licence could be rebuilt with an image that needs one

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host is licensed for what the server needs and has a licence free."""
        return _refusal(host_state, spec) is None

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say which licence is missing, or which limit is reached."""
        return _refusal(host_state, spec) or "Meanwhile the host has a licence free."


def _needed(spec: RequestSpec) -> str | None:
    """Return the product that the server needs a licence of; the flavor, which the operator makes, wins."""
    image = spec.image.properties if spec.image is not None else {}
    return spec.flavor.extra_specs.get(EXTRA_SPEC) or image.get(PROPERTY) or None


def _refusal(host: HostState, spec: RequestSpec) -> str | None:
    product, here = _needed(spec), _said(host, PRODUCT)
    if product is None:
        return f"The host is kept for servers with a licence of {', '.join(sorted(here))}." if here else None
    if product not in here:
        return f"The host has no licence of {product}."
    servers = host.num_instances + (not spec.is_rebuild)  # who is rebuilt is counted already
    for key, wanted, what in ((CORES, host.vcpus_total, "cores"), (SERVERS, servers, "servers, this one included")):
        limits = _said(host, key)
        if not all(text.isdecimal() for text in limits):  # fail closed: a limit that cannot be read lets nobody pass
            return f"An aggregate of the host says {key} = {', '.join(sorted(limits))}, which is no number."
        if limits and wanted > min(map(int, limits)):
            return f"Its licence of {product} allows {min(map(int, limits))} {what.split(',')[0]}, not {wanted} {what}."
    return None


def _said(host: HostState, key: str) -> set[str]:
    """Return what the host's aggregates say under ``key``."""
    return {one.metadata[key].strip() for one in host.aggregates if key in one.metadata}
