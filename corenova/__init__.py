"""corenova: a compute control plane made of plug-ins, speaking the OpenStack Compute API.

A request travels api -> conductor -> scheduler -> compute -> driver; each word is a package beside this file.
"""

__version__ = "0.1.0"
