"""What every test here may use, of the core and of the plug-ins."""

import sys
from pathlib import Path

import corenova  # noqa: F401 - chooses the threading backend, which must come before a test imports oslo.messaging

sys.path.insert(0, str(Path(__file__).parent))  # for the modules below, whoever starts pytest from where

pytest_plugins = ["tests.missing", "tests.order", "tests.servers", "tests.libvirt_host", "tests.guest_image"]
