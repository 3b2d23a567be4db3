"""The plug board: a filter is registered under its class name."""

from setuptools import setup

setup(
    py_modules=["maintenance_window_filter"],
    entry_points={
        "corenova.scheduler.filters": ["MaintenanceWindowFilter = maintenance_window_filter:MaintenanceWindowFilter"]
    },
)
