"""The plug board of template_weigher: entry point = module:class."""

from setuptools import setup

setup(
    py_modules=["template_weigher"],
    entry_points={
        "corenova.scheduler.weighers": [
            "TemplateWeigher = template_weigher:TemplateWeigher",
        ],
    },
)
