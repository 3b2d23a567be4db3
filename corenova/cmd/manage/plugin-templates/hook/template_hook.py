"""TemplateHook: log every state that a server enters, and refuse servers that are too large."""

import logging

from oslo_config import cfg

from corenova.contracts.hooks import hookimpl

LOG = logging.getLogger(__name__)


class TemplateHook:
    """Listen to two moments; corenova.contracts.hooks has the list of all."""

    contract_version = (1, 0)
    options = [
        cfg.IntOpt("max_memory_mb", default=8192, min=1, help="Requests for servers with more memory are refused."),
    ]

    def configure(self, section):
        """Take the options from the section [templatehook]. Called once, before the first hook."""
        self.max_memory_mb = section.max_memory_mb

    @hookimpl
    def state_changed(self, instance, old_vm_state):
        """Observe: a server has entered its state. Nobody waits for us."""
        LOG.info("templatehook: %s is %s, was %s", instance.display_name, instance.vm_state, old_vm_state)

    @hookimpl
    def api_create_pre(self, spec):
        """Veto: return why not, in a sentence for the user, or None. The user waits: no I/O that may take long."""
        if spec.flavor.memory_mb > self.max_memory_mb:
            return f"A server may have {self.max_memory_mb} MiB, {spec.flavor.name} has {spec.flavor.memory_mb}."
        return None
