"""The plug board: a filter is registered under its class name."""

from setuptools import setup

setup(
    py_modules=["licence_limit_filter"],
    entry_points={"corenova.scheduler.filters": ["LicenceLimitFilter = licence_limit_filter:LicenceLimitFilter"]},
)
