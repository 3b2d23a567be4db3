"""The registry is strict: what is enabled is there, once, and configured, or the start ends with one line."""

import sys
from importlib import metadata

import pytest
from oslo_config import cfg
from stevedore.extension import ExtensionManager

from corenova import loader
from corenova.conf import plugins
from corenova.exceptions import PluginError
from tests.distributions import Installer

PLAIN = "class Plain:\n    pass\n"
WITH_OPTIONS = """
from oslo_config import cfg

class Tuned:
    options = [cfg.IntOpt("size", default=3, min=1), cfg.StrOpt("word")]

    def configure(self, section):
        self.section = section
        if section.word == "refused":
            raise ValueError("I do not like this word")
"""
SPEECHLESS = """
class Speechless(Exception):
    def __str__(self):
        raise OSError

raise Speechless
"""
CONFIGURE = (
    "Plug-in {0} (one_dist:{0}) of one-dist 1.0, named by [filter_scheduler] enabled_filters, cannot be configured: "
)
REMEDY = ". Mend [{0}] in the ini file or one-dist, or take {0} out of that option."


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Give a function that installs a distribution with one module and its entry points in one group."""
    return Installer(tmp_path, monkeypatch)


@pytest.fixture
def conf(tmp_path):
    """Give a function that parses an ini text."""

    def parse(text=""):
        file = tmp_path / "test.conf"
        file.write_text(text)
        parsed = cfg.ConfigOpts()
        parsed.register_opts(plugins.OPTIONS, group=plugins.GROUP)
        parsed(["--config-file", str(file)], default_config_files=[], default_config_dirs=[])
        return parsed

    return parse


def refusal(conf, *names, group=loader.FILTERS):
    """The one line with which loading these names is refused."""
    with pytest.raises(PluginError) as refused:
        loader.load(conf, group, names)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_plug_ins_come_in_the_order_of_the_ini_with_the_name_of_their_distribution(install, conf):
    install("one-dist", PLAIN + "class Other(Plain):\n    pass\n", "Plain", "Other")
    install("two-dist", "class Third:\n    pass\n", "Third")
    loaded = loader.load(conf(), loader.FILTERS, ["Third", "Other", "Plain"])
    assert [(p.name, type(p.object).__name__, p.distribution) for p in loaded] == [
        ("Third", "Third", "two-dist"),
        ("Other", "Other", "one-dist"),
        ("Plain", "Plain", "one-dist"),
    ]


def test_nothing_is_loaded_by_being_installed(install, conf):
    install("one-dist", "raise RuntimeError('imported')", "Plain")
    assert loader.load(conf(), loader.FILTERS, []) == []
    assert loader.installed(loader.FILTERS)["Plain"] == "one-dist"


def test_a_missing_name_is_refused_with_the_nearest_one(install, conf):
    install("one-dist", PLAIN, "Plain")
    line = refusal(conf(), "Plian")
    assert line.startswith("[filter_scheduler] enabled_filters names Plian, which no installed distribution offers")
    assert line.endswith("Did you mean Plain?")


def test_a_missing_name_like_no_other_is_refused_with_what_there_is(install, conf):
    install("one-dist", PLAIN, "Plain", group=loader.HOOKS)
    assert refusal(conf(), "Zzz", group=loader.HOOKS).endswith("Installed: Plain.")


def test_one_missing_name_among_good_ones_stops_them_all(install, conf):
    install("one-dist", PLAIN, "Plain")
    assert "names Nowhere," in refusal(conf(), "Plain", "Nowhere")


def test_a_name_twice_in_the_ini_is_refused(install, conf):
    install("one-dist", PLAIN, "Plain")
    assert refusal(conf(), "Plain", "Plain") == "[filter_scheduler] enabled_filters names Plain twice. Remove one."


def test_a_name_of_two_distributions_is_refused_with_both(install, conf):
    install("one-dist", PLAIN, "Plain")
    install("two-dist", PLAIN, "Plain")
    assert refusal(conf(), "Plain") == (
        "[filter_scheduler] enabled_filters: offered by more than one distribution: Plain by one-dist and two-dist. "
        "Uninstall one of them."
    )


def test_a_name_of_two_distributions_that_nobody_enables_does_no_harm(install, conf):
    install("one-dist", PLAIN + "class Mine:\n    pass\n", "Plain", "Mine")
    install("two-dist", PLAIN, "Plain")
    assert [plugin.name for plugin in loader.load(conf(), loader.FILTERS, ["Mine"])] == ["Mine"]


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("class Other:\n    pass\n", "AttributeError: module 'one_dist' has no attribute 'Plain'"),
        ("class Plain:\n    def __init__(self, needed):\n        pass\n", "TypeError: "),
        ("def Plain():\n    raise OSError('no disk')\n", "OSError: no disk"),
        ("assert False, 'not here'\n", "failed to load: AssertionError: not here"),
        ("import sys\nsys.exit(0)\n", "failed to load: SystemExit: 0"),
        ("def Plain():\n    raise SystemExit('gone')\n", "cannot be constructed: SystemExit: gone"),
        ("raise ValueError('one\\ntwo')\n", "failed to load: ValueError: one two"),
        (SPEECHLESS, "failed to load: Speechless"),
    ],
)
def test_what_cannot_be_made_is_refused_with_distribution_and_cause(install, conf, source, cause):
    install("one-dist", source, "Plain")
    line = refusal(conf(), "Plain")
    assert line.startswith(
        "Plug-in Plain (one_dist:Plain) of one-dist 1.0, named by [filter_scheduler] enabled_filters"
    )
    assert cause in line
    remedy = "Install what one-dist needs" if "import no_such" in source else "Mend one-dist"
    assert line.endswith(f". {remedy}, or take Plain out of that option.")


def test_what_ends_the_import_is_left_out_where_it_is_optional(install, conf):
    install("one-dist", "raise SystemExit(0)\n", "Plain")
    left_out = []
    assert loader.load(conf("[plugins]\noptional = Plain\n"), loader.FILTERS, ["Plain"], left_out=left_out) == []
    assert "SystemExit: 0" in left_out[0].reason


def test_what_is_loaded_is_what_was_found_whatever_stevedore_remembers(install, conf, monkeypatch):
    install("one-dist", PLAIN, "Plain")
    install("evil-dist", "raise RuntimeError('imported')")
    remembered = {loader.FILTERS: [metadata.EntryPoint("Plain", "evil_dist:Plain", loader.FILTERS)]}
    monkeypatch.setattr(ExtensionManager, "ENTRY_POINT_CACHE", remembered)
    (plugin,) = loader.load(conf("[plugins]\nallowed_distributions = one-dist\n"), loader.FILTERS, ["Plain"])
    assert type(plugin.object).__module__ == "one_dist"


def test_options_are_registered_under_the_name_and_handed_over(install, conf):
    install("one-dist", WITH_OPTIONS, "Tuned")
    parsed = conf("[Tuned]\nsize = 7\n")
    plugin = loader.load_one(parsed, loader.FILTERS, "Tuned").object
    assert (plugin.section.size, plugin.section.word, parsed.Tuned.size) == (7, None, 7)
    assert loader.load_one(conf(), loader.FILTERS, "Tuned").object.section.size == 3


def test_options_may_be_registered_by_two_services_of_one_process(install, conf):
    install("one-dist", WITH_OPTIONS, "Tuned")
    parsed = conf("[Tuned]\nsize = 7\n")
    loaded = [loader.load_one(parsed, loader.FILTERS, "Tuned").object for _ in range(2)]
    assert loaded[0] is not loaded[1]
    assert [plugin.section.size for plugin in loaded] == [7, 7]


@pytest.mark.parametrize(
    ("ini", "cause"), [("size = many", "size"), ("size = 0", "size"), ("word = refused", "I do not like this word")]
)
def test_a_value_that_the_plug_in_cannot_use_is_refused_at_the_start(install, conf, ini, cause):
    install("one-dist", WITH_OPTIONS, "Tuned")
    line = refusal(conf(f"[Tuned]\n{ini}\n"), "Tuned")
    assert line.startswith(CONFIGURE.format("Tuned")) and line.endswith(REMEDY.format("Tuned"))
    assert cause in line


def test_a_bad_value_that_the_plug_in_would_read_much_later_is_refused_too(install, conf):
    install("one-dist", WITH_OPTIONS.replace('if section.word == "refused"', "if False"), "Tuned")
    assert "size" in refusal(conf("[Tuned]\nsize = many\n"), "Tuned")


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("options = [cfg.IntOpt('size')]", "AttributeError: 'Plain' object has no attribute 'configure'"),
        ("options = [3]", "AttributeError: 'int' object has no attribute "),
        ("options = [cfg.IntOpt('size')]\n    def configure(self, section):\n        exit(0)", "SystemExit: 0"),
    ],
)
def test_options_that_are_none_or_that_nobody_takes_are_refused(install, conf, body, cause):
    install("one-dist", f"from oslo_config import cfg\nclass Plain:\n    {body}\n", "Plain")
    line = refusal(conf(), "Plain")
    assert line.startswith(CONFIGURE.format("Plain") + cause) and line.endswith(REMEDY.format("Plain"))


@pytest.mark.parametrize("group", sorted(loader.KINDS))
def test_every_group_is_chosen_by_an_option_that_exists(group):
    from corenova.conf import SECTIONS

    section, option = loader.KINDS[group].option.strip("[").split("] ")
    assert option in {opt.name for module in SECTIONS if section == module.GROUP for opt in module.OPTIONS}


def test_every_plug_in_that_is_installed_here_loads(conf):
    for group in (loader.FILTERS, loader.WEIGHERS, loader.DRIVERS, loader.IMAGE_BACKENDS):
        names = sorted(ep.name for ep in metadata.entry_points(group=group))
        parsed = conf()
        assert [plugin.name for plugin in loader.load(parsed, group, names)] == names


FUTURE = "class Plain:\n    contract_version = {}\n"


@pytest.mark.parametrize("said", ["(1, 0)", "None"])
def test_a_plug_in_of_this_contract_or_of_none_loads(install, conf, said):
    install("one-dist", FUTURE.format(said), "Plain")
    (plugin,) = loader.load(conf(), loader.FILTERS, ["Plain"])
    assert (plugin.version, plugin.group, loader.shown(plugin.contract)) == (
        "1.0", loader.FILTERS, "1.0" if said != "None" else ""
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "shown", "remedy"),
    [
        ("(2, 0)", "2.0", "Upgrade corenova, or install an older one-dist"),
        ("(1, 1)", "1.1", "Upgrade corenova, or install an older one-dist"),
        ("(0, 9)", "0.9", "Install a newer one-dist"),
    ],
)
def test_another_contract_is_refused_with_the_remedy_before_anything_of_it_is_made(install, conf, said, shown, remedy):
    install("one-dist", FUTURE.format(said) + "    def __init__(self):\n        raise RuntimeError('made')\n", "Plain")
    assert refusal(conf(), "Plain") == (
        f"Plug-in Plain (one_dist:Plain) of one-dist 1.0 was written for the filter contract {shown}; this corenova "
        f"speaks 1.0. {remedy}, or take Plain out of [filter_scheduler] enabled_filters."
    )


@pytest.mark.parametrize("said", ["'1.0'", "1", "(1,)", "(1, '0')"])
def test_a_contract_version_that_is_none_is_refused(install, conf, said):
    install("one-dist", FUTURE.format(said), "Plain")
    assert refusal(conf(), "Plain").endswith(
        "It must be two whole numbers, as (1, 0). Mend one-dist, or take Plain out of [filter_scheduler] "
        "enabled_filters."
    )


def test_what_is_not_allowed_is_refused_before_it_is_imported(install, conf):
    install("one-dist", "raise RuntimeError('imported')", "Plain")
    line = refusal(conf("[plugins]\nallowed_distributions = other, corenova-filters\n"), "Plain")
    assert line.startswith("[filter_scheduler] enabled_filters names Plain: one-dist is not among [plugins] allowed_")


@pytest.mark.parametrize("name", ["One_Dist", "one.dist", "ONE-_.Dist"])
def test_what_is_allowed_loads_however_its_name_is_written(install, conf, name):
    install("one-dist", PLAIN, "Plain")
    assert loader.load(conf(f"[plugins]\nallowed_distributions = {name}\n"), loader.FILTERS, ["Plain"])
    assert loader.load_one(conf("[plugins]\nallowed_distributions = one\n"), loader.IMAGE_BACKENDS, "embedded")


def test_an_optional_one_is_left_out_and_the_reason_kept(install, conf):
    install("one-dist", PLAIN, "Plain")
    install("two-dist", "import no_such_module\n", "Broken")
    left_out = []
    parsed = conf("[plugins]\noptional = Broken, Gone\n")
    loaded = loader.load(parsed, loader.FILTERS, ["Broken", "Plain", "Gone"], left_out=left_out)
    assert [plugin.name for plugin in loaded] == ["Plain"]
    assert [(one.name, one.breaker) for one in left_out] == [("Broken", "open"), ("Gone", "open")]
    assert "no_such_module" in left_out[0].reason and "no installed distribution offers" in left_out[1].reason
    with pytest.raises(PluginError):
        loader.load(conf(), loader.FILTERS, ["Broken", "Plain"])


def test_one_distribution_that_is_twice_on_the_path_is_one(install, conf, tmp_path, monkeypatch):
    install("one-dist", PLAIN, "Plain")
    monkeypatch.syspath_prepend(tmp_path / "one-dist" / ".." / "one-dist")
    assert [plugin.name for plugin in loader.load(conf(), loader.FILTERS, ["Plain"])] == ["Plain"]


def test_one_that_is_twice_on_the_path_and_does_not_import_is_refused_in_one_line(install, conf, tmp_path, monkeypatch):
    install("one-dist", "import no_such_module\n", "Plain")
    monkeypatch.syspath_prepend(tmp_path / "one-dist" / ".." / "one-dist")
    assert "No module named 'no_such_module'. Install what one-dist needs" in refusal(conf(), "Plain")


def test_all_distributions_are_read_once_and_again_when_one_comes_or_goes(install, conf, tmp_path, monkeypatch):
    reads = []
    real = metadata.entry_points
    monkeypatch.setattr(metadata, "entry_points", lambda **which: reads.append(which) or real(**which))
    install("one-dist", PLAIN, "Plain")
    for group in loader.KINDS:
        loader.offered(group)
    assert loader.installed(loader.FILTERS)["Plain"] == "one-dist"
    assert len(reads) == 1
    loader.load(conf(), loader.FILTERS, ["Plain"])
    late = tmp_path / "one-dist" / "late-1.0.dist-info"  # into a folder that is on the path already, as pip does
    late.mkdir()
    (late / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (late / "entry_points.txt").write_text(f"[{loader.FILTERS}]\nLate = one_dist:Plain\n")
    assert loader.load(conf(), loader.FILTERS, ["Late", "Plain"])[0].distribution == "late"
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if "one-dist" not in folder])
    assert "Plain" not in loader.offered(loader.FILTERS)
