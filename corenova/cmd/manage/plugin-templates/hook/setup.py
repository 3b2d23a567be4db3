"""The plug board of template_hook: entry point = module:class."""

from setuptools import setup

setup(
    py_modules=["template_hook"],
    entry_points={
        "corenova.hooks": [
            "templatehook = template_hook:TemplateHook",
        ],
    },
)
