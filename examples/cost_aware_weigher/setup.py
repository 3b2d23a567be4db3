"""The plug board: a weigher is registered under its class name."""

from setuptools import setup

setup(
    py_modules=["cost_aware_weigher"],
    entry_points={"corenova.scheduler.weighers": ["CostWeigher = cost_aware_weigher:CostWeigher"]},
)
