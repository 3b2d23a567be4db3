"""TemplateFilter: a host takes no more than a number of servers."""

from oslo_config import cfg


class TemplateFilter:
    """Pass hosts that run fewer servers than ``max_instances``."""

    contract_version = (1, 0)
    options = [
        cfg.IntOpt("max_instances", default=10, min=1, help="A host with so many servers takes no more."),
    ]

    def configure(self, section):
        """Take the options from the section [TemplateFilter]. Called once, before the first question."""
        self.limit = section.max_instances

    def host_passes(self, host_state, spec):
        """Return True when the host may take the request. Asked for many hosts: no I/O, no waiting."""
        return host_state.num_instances < self.limit

    def reason(self, host_state, spec):
        """Say in one sentence why the host was refused; the user reads it."""
        return f"It runs {host_state.num_instances} servers, the limit is {self.limit}."
