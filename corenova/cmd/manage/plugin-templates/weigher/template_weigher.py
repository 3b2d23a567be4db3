"""TemplateWeigher: some hosts are liked better than others."""

from oslo_config import cfg


class TemplateWeigher:
    """Weigh the hosts that ``preferred_hosts`` names 1, all others 0."""

    contract_version = (1, 0)
    minval, maxval = 0.0, 1.0  # the ends of the scale, so that it means the same for any set of hosts
    options = [
        cfg.ListOpt("preferred_hosts", default=[], help="Hosts that get servers first, where they fit."),
    ]

    def configure(self, section):
        """Take the options from the section [TemplateWeigher]. Called once, before the first question."""
        self.preferred = frozenset(section.preferred_hosts)

    def weigh(self, host_state, spec):
        """Return how good the host is for the request; the highest wins. No I/O, no waiting."""
        return 1.0 if host_state.host in self.preferred else 0.0
