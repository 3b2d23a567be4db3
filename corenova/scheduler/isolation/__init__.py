"""Filters and weighers in processes of their own (``[plugins] isolate``), which can be killed.

    pipeline -> Isolated (proxy.py) -> Process (process.py) -> a pipe (wire.py) -> the plug-in (worker.py)

The service loads such a plug-in, too, to know what it is, but never calls it.
"""
