"""Filters and weighers that were written for Nova: named by class path, they decide here as they did there.

``owners.py`` tells whose a class path is, ``loading.py`` turns it into classes, ``imports.py`` gives them what they
import, ``views.py`` shows them our values in Nova's shapes, and ``plugins.py`` fits them to our contracts. What is
offered is listed in docs/nova-plugins.md.
"""
