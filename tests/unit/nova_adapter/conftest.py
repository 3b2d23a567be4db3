"""Files written for Nova, made on the spot; hosts and requests to judge."""

import importlib
import itertools
import sys

import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova.objects.request_spec import Flavor, RequestSpec

NUMBER = itertools.count()


@pytest.fixture
def conf(tmp_path):
    """Give a function that parses an ini text with all options of the core."""

    def parse(text=""):
        file = tmp_path / f"test{next(NUMBER)}.conf"
        file.write_text(text)
        parsed = cfg.ConfigOpts()
        options.register(parsed)
        parsed(["--config-file", str(file)], default_config_files=[], default_config_dirs=[])
        return parsed

    return parse


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Give a function that writes a module of a name of its own onto the path and returns that name."""
    folder = tmp_path / "written"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    made = []

    def make(source, name=None):
        name = name or f"written_for_nova_{next(NUMBER)}"
        file = folder / (name.replace(".", "/") + ".py")
        for parent in reversed(file.parents):
            if folder in parent.parents:
                parent.mkdir(exist_ok=True)
                (parent / "__init__.py").touch()
        file.write_text(source)
        made.append(name.partition(".")[0])
        importlib.invalidate_caches()
        return name

    yield make
    for name in [n for n in sys.modules if n.partition(".")[0] in made]:
        del sys.modules[name]


@pytest.fixture
def spec():
    """Give a function that makes requests."""

    def make(extra_specs=None, **fields):
        flavor = Flavor(flavorid="1", name="m1", vcpus=2, memory_mb=512, root_gb=1, extra_specs=extra_specs or {})
        return RequestSpec(project_id="p", user_id="u", flavor=flavor, **fields)

    return make
