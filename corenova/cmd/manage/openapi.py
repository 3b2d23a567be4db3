"""``corenova-manage openapi``: the description of the compute API, for generators and documentation."""

import importlib
import importlib.util

from oslo_config import cfg

from corenova.cmd.manage.output import Output
from corenova.exceptions import ConfigurationError

_MODULE = "corenova.api.openapi"


def show(conf: cfg.ConfigOpts, output: Output) -> int:
    """Print the OpenAPI document; it is JSON with and without ``--json``."""
    if importlib.util.find_spec(_MODULE) is None:
        raise ConfigurationError("This version brings no OpenAPI description.")
    print(importlib.import_module(_MODULE).render(), end="")
    return 0
