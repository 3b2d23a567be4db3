"""The plug board of template_driver: entry point = module:class."""

from setuptools import setup

setup(
    py_modules=["template_driver"],
    entry_points={
        "corenova.compute.drivers": [
            "templatedriver = template_driver:TemplateDriver",
        ],
    },
)
