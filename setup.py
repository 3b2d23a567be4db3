"""The plug board of the core: packages, commands and the entry points that the core itself offers."""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["corenova", "corenova.*"]),
    package_data={
        "corenova": ["py.typed"],
        "corenova.cmd.manage": [
            "plugin-templates/**",
            "plugin-templates/*/.gitignore",
            "plugin-templates/*/.github/workflows/*",
        ],
        "corenova.db": ["migrations/*.mako"],
    },
    exclude_package_data={"corenova.cmd.manage": ["plugin-templates/**/__pycache__/*"]},
    entry_points={
        "console_scripts": [
            "corenova-all = corenova.cmd.all_in_one:main",
            "corenova-api = corenova.cmd.api:main",
            "corenova-conductor = corenova.cmd.conductor:main",
            "corenova-scheduler = corenova.cmd.scheduler:main",
            "corenova-compute = corenova.cmd.compute:main",
            "corenova-manage = corenova.cmd.manage.main:main",
        ],
        "oslo.config.opts": ["corenova = corenova.conf:list_opts"],
        "corenova.image.backends": ["embedded = corenova.image.store:EmbeddedImages"],
        "corenova.network.backends": ["embedded = corenova.network.backend:EmbeddedNetwork"],
        "oslo.policy.policies": [
            "corenova = corenova.policy:list_rules",
            "corenova.image = corenova.image.policy:list_rules",
            "corenova.network = corenova.network.policy:list_rules",
        ],
        "pytest11": ["corenova = corenova.testing.plugin"],
        "oslo.messaging.drivers": ["local = corenova.rpc.local:LocalDriver"],
    },
)
