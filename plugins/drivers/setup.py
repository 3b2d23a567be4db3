"""The plug board of corenova-drivers: a driver is registered under its lower-case name."""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["corenova_drivers", "corenova_drivers.*"]),
    entry_points={
        "corenova.compute.drivers": [
            "fake = corenova_drivers.fake:FakeDriver",
            "libvirt = corenova_drivers.libvirt.driver:LibvirtDriver",
        ],
    },
)
