"""Class paths: what files written for Nova may import, and what is said of those that need more."""

import sys
import threading

import pytest

from corenova.exceptions import PluginError
from corenova.nova_adapter import imports, loading
from corenova.nova_adapter.provided.conf import CONF

OPTION = "[filter_scheduler] available_filters"
EVERYTHING = """
import nova.conf
from nova import weights as base_weights
from nova.conf import CONF
from nova.i18n import _
from nova.scheduler import filters, utils, weights
from nova.scheduler.filters import extra_specs_ops
from nova.scheduler.filters import utils as filter_utils
from nova.scheduler.filters.utils import aggregate_metadata_get_by_host
from nova.scheduler.weights import BaseHostWeigher

assert nova.conf.CONF is CONF
assert _("text") == "text"
assert issubclass(weights.BaseHostWeigher, base_weights.BaseWeigher)


class One(filters.BaseHostFilter):
    pass


class Two(filters.BaseHostFilter):
    pass


def both():
    return [One, Two]


def numbers():
    return [1, 2]


def broken():
    raise RuntimeError("out of order")
"""


def refusal(conf, path):
    """The one line with which this path is refused."""
    with pytest.raises(PluginError) as refused:
        loading.classes(conf, OPTION, path)
    assert str(refused.value).startswith(f"{OPTION} names {path}, which ")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_class_and_a_function_that_returns_classes(write, conf):
    module = write(EVERYTHING)
    assert [c.__name__ for c in loading.classes(conf(), OPTION, f"{module}.One")] == ["One"]
    assert [c.__name__ for c in loading.classes(conf(), OPTION, f"{module}.both")] == ["One", "Two"]


def test_nothing_of_nova_stays(write, conf):
    module = write(EVERYTHING)
    loading.classes(conf(), OPTION, f"{module}.One")
    refusal(conf(), f"{write('import nova.objects')}.One")
    assert not [name for name in sys.modules if name.partition(".")[0] == "nova"]


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("import nova.objects", "nova.objects"),
        ("from nova import objects", "nova.objects"),
        ("from nova.objects import fields", "nova.objects"),
        ("from nova.scheduler import client", "nova.scheduler.client"),
        ("from nova.scheduler.filters import IsNotThere", "nova.scheduler.filters.IsNotThere"),
        ("import nova.scheduler.filters.ram_filter", "nova.scheduler.filters.ram_filter"),
        ("import nova.conf\nnova.servicegroup.API()", "nova.servicegroup"),
    ],
)
def test_an_import_that_is_not_provided_is_named(write, conf, source, missing):
    assert f"imports {missing}; corenova does not" in refusal(conf(), f"{write(source)}.One")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("not_to_be_found.filters.One", "No module named 'not_to_be_found'"),
        ("{module}.Three", "has no attribute 'Three'"),
        ("{module}.numbers", "neither a class nor a function"),
        ("{module}.broken", "RuntimeError: out of order"),
        ("{module}.__doc__", "cannot be loaded"),
        (".One", "cannot be loaded"),
    ],
)
def test_a_path_that_leads_nowhere(write, conf, path, words):
    assert words in refusal(conf(), path.format(module=write(EVERYTHING)))


def test_a_file_that_does_not_compile(write, conf):
    assert "SyntaxError" in refusal(conf(), f"{write('def (')}.One")


INSTALLED_CONF = """
from oslo_config import cfg

CONF = cfg.ConfigOpts()
CONF.register_opts([cfg.FloatOpt("ram_weight_multiplier", default=1.0)], group="filter_scheduler")
"""
INSTALLED_USER = """
from nova.conf import CONF
from nova.scheduler import filters

class One(filters.BaseHostFilter):
    def multiplier(self):
        return CONF.filter_scheduler.ram_weight_multiplier
"""


def test_an_installed_nova_is_used_and_reads_our_file(write, conf):
    write("", "nova")
    write(INSTALLED_CONF, "nova.conf")
    write("class BaseHostFilter:\n    is_real = True\n", "nova.scheduler.filters")
    module = write(INSTALLED_USER)
    (found,) = loading.classes(conf("[filter_scheduler]\nram_weight_multiplier = 3\n"), OPTION, f"{module}.One")
    assert found.is_real
    assert found().multiplier() == 3.0


def test_a_folder_named_nova_is_no_nova(tmp_path, monkeypatch, write, conf):
    (tmp_path / "elsewhere" / "nova").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert loading.classes(conf(), OPTION, f"{write(EVERYTHING)}.One")


def test_options_of_a_plug_in_follow_the_configuration(write, conf):
    module = write(
        "from nova.conf import CONF\nfrom oslo_config import cfg\n"
        "CONF.register_opts([cfg.IntOpt('size', default=3)], group='mine')\nclass One:\n    pass\n"
    )
    loading.classes(conf("[mine]\nsize = 4\n"), OPTION, f"{module}.One")
    assert CONF.mine.size == 4
    second = conf("[mine]\nsize = 5\n")
    loading.classes(second, OPTION, f"{module}.One")
    assert CONF.mine.size == CONF["mine"]["size"] == second.mine.size == 5
    with pytest.raises(AttributeError, match="no such option"):
        _ = CONF.filter_scheduler.ram_wait_multiplier


def test_threads_load_one_after_the_other(write, conf):
    modules = [write(EVERYTHING) for _ in range(8)]
    failed = []

    def load(module):
        try:
            loading.classes(conf(), OPTION, f"{module}.both")
        except PluginError as error:
            failed.append(error)

    threads = [threading.Thread(target=load, args=(module,)) for module in modules]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert "nova" not in sys.modules


def test_every_module_is_in_the_table_with_its_package():
    for name in imports.PROVIDED:
        package = name.rpartition(".")[0]
        assert not package or package in imports.PROVIDED
