"""The contracts as tests: a class that inherits from a suite and names a plug-in holds it to its contract.

    class TestRackFilter(FilterSuite):
        plugin = "RackFilter"                  # an entry point, or the class itself
        ini = {"RackFilter": {"rack": "7"}}    # options, by section

A test that fails shows what the contract says and where (``corenova/testing/words.py``).
"""

from corenova.testing.suites.driver_suite import DriverSuite
from corenova.testing.suites.filter_suite import FilterSuite
from corenova.testing.suites.hook_suite import HookSuite
from corenova.testing.suites.image_backend_suite import ImageBackendSuite
from corenova.testing.suites.network_backend_suite import NetworkBackendSuite
from corenova.testing.suites.weigher_suite import WeigherSuite

__all__ = ["DriverSuite", "FilterSuite", "HookSuite", "ImageBackendSuite", "NetworkBackendSuite", "WeigherSuite"]
