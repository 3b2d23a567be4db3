"""The plug board of a stranger's distribution: one filter, registered under its class name."""

from setuptools import setup

setup(
    py_modules=["stranger_filter"],
    entry_points={"corenova.scheduler.filters": ["OnlyNumberSevenFilter = stranger_filter:OnlyNumberSevenFilter"]},
)
