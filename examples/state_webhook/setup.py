"""The plug board: a hook plug-in is registered under a lower-case name."""

from setuptools import setup

setup(
    py_modules=["state_webhook"],
    entry_points={"corenova.hooks": ["state_webhook = state_webhook:StateWebhook"]},
)
