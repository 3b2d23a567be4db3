"""The unmodified ``openstack`` command, on the cloud under demonstration; what is typed is shown."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from cloud import CloudError

from corenova.testing import openstack_command

_PATIENCE_S = 600.0


class OpenStackCli:
    """Runs commands as the user ``corenova`` of the generated clouds.yaml.

    :param show: called with each command line before it is run.
    """

    def __init__(self, clouds_yaml: Path, show: Callable[[str], None]):
        self._show = show
        # The cloud's own file, and nothing of the environment of whoever runs this.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._environ = {**kept, "OS_CLIENT_CONFIG_FILE": str(clouds_yaml), "OS_CLOUD": "corenova"}

    def __call__(self, *words: str) -> str:
        """Run ``openstack`` with these words and return what it prints; raises CloudError with what it complains of."""
        self._show("openstack " + shlex.join(words))
        try:
            done = openstack_command.run(*words, env=self._environ, timeout_s=_PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise CloudError(f"openstack {words[0]} {words[1]} did not end within {_PATIENCE_S:.0f} s.") from error
        if done.returncode:
            complaint = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise CloudError(f"openstack {shlex.join(words)} failed: " + " ".join(complaint))
        return done.stdout

    def value(self, *words: str, column: str) -> str:
        """Run a command of ``create`` or ``show`` and return one of the columns it prints."""
        return str(json.loads(self(*words, "-f", "json"))[column])
