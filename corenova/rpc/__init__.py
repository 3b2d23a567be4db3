"""The bus between the services: oslo.messaging, and what every hop puts around a call.

Nothing else imports oslo.messaging: this package chooses its threads first.
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
