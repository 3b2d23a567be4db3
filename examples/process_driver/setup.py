"""The plug board: a driver is registered under a lower-case name."""

from setuptools import setup

setup(
    py_modules=["process_driver", "process_guests"],
    entry_points={"corenova.compute.drivers": ["process = process_driver:ProcessDriver"]},
)
