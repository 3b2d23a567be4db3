"""A package for Nova: it has no entry points, Nova and corenova find its classes by their paths."""

from setuptools import setup

setup(packages=["rack_aware"])
