"""[plugins]: what of the installed plug-ins may act in this process, beyond those named in other sections."""

from oslo_config import cfg

GROUP = "plugins"
OPTIONS = [
    cfg.ListOpt("enabled_hooks", default=[], help="Hook plug-ins that are called; entry points of corenova.hooks."),
]
