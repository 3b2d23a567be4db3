"""The plug board: a hook plug-in is registered under a lower-case name."""

from setuptools import setup

setup(
    py_modules=["quota_veto"],
    entry_points={"corenova.hooks": ["quota_veto = quota_veto:QuotaVeto"]},
)
