"""The plug board of template_filter: entry point = module:class."""

from setuptools import setup

setup(
    py_modules=["template_filter"],
    entry_points={
        "corenova.scheduler.filters": [
            "TemplateFilter = template_filter:TemplateFilter",
        ],
    },
)
