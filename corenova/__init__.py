"""corenova: a compute control plane made of plug-ins, speaking the OpenStack Compute API.

A request travels api -> conductor -> scheduler -> compute -> driver; each word is a package beside this file.
"""

import os
import warnings

# futurist imports eventlet only to see whether somebody patches with it; its DNS resolver alone costs 0.1 s of a start.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")

# oslo.messaging imports oslo.service, whose default backend is eventlet: the threading backend must be chosen before
# the first import of oslo.messaging anywhere in the process, or sockets and locks would be monkey-patched.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # futurist probes for eventlet, which warns about its own end of life
    from oslo_service import backend as _backend

    _backend.init_backend(_backend.BackendType.THREADING)

__version__ = "0.1.0"
