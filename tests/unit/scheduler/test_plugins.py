"""From the words of [filter_scheduler] to plug-ins: our names, Nova's paths to them, and class paths."""

import logging
import sys

import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova import loader
from corenova.conf import filter_scheduler
from corenova.exceptions import PluginError
from corenova.scheduler import plugins
from corenova.scheduler.manager import build_pipeline

SOURCE = """
from nova.scheduler import filters, utils, weights

class EvenFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        return int(host_state.host[-1]) % 2 == 0

class ComputeFilter(EvenFilter):
    pass

class HintFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        return spec_obj.get_scheduler_hint("on", default_val="") == host_state.host

class NeedyFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        return not spec_obj.pci_requests

class NoFilter:
    pass

class LastWeigher(weights.BaseHostWeigher):
    def weight_multiplier(self, host_state):
        return 2.0

    def _weigh_object(self, host_state, weight_properties):
        return int(host_state.host[-1])

class BrokenWeigher(LastWeigher):
    def __init__(self):
        raise OSError("no disk")

class OverriddenWeigher(LastWeigher):
    def weight_multiplier(self, host_state):
        return utils.get_weight_multiplier(host_state, "last_multiplier", 1.0)

def all_of_them():
    return [EvenFilter, NoFilter]

def weighers():
    return [LastWeigher]
"""
MODULE = "written_for_nova_to_be_chosen"
DEFAULTS = {opt.name: opt.default for opt in filter_scheduler.OPTIONS}


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """Give a function that parses lines of [filter_scheduler]; the module above can be imported."""
    (tmp_path / f"{MODULE}.py").write_text(SOURCE)
    (tmp_path / "another_written_for_nova.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)

    def parse(*lines):
        file = tmp_path / "test.conf"
        file.write_text("\n".join(["[filter_scheduler]", *lines, ""]))
        parsed = cfg.ConfigOpts()
        options.register(parsed)
        parsed(["--config-file", str(file)], default_config_files=[], default_config_dirs=[])
        return parsed

    yield parse
    for name in (MODULE, "another_written_for_nova"):
        sys.modules.pop(name, None)


def names(found):
    """Names of plug-ins."""
    return [plugin.name for plugin in found]


def test_what_is_said_by_default(conf):
    assert names(plugins.load_filters(conf())) == DEFAULTS["enabled_filters"]
    weighers = plugins.load_weighers(conf())
    assert names(plugin for plugin, _ in weighers) == DEFAULTS["weight_classes"]
    assert {plugin.name: m for plugin, m in weighers}["BuildFailureWeigher"] == 1000000.0


def test_novas_paths_to_what_we_have_mean_ours(conf, caplog):
    parsed = conf(
        "available_filters = nova.scheduler.filters.all_filters",
        "available_filters = nova.scheduler.filters.compute_filter.ComputeFilter",
        "enabled_filters = ComputeFilter",
        "weight_classes = nova.scheduler.weights.ram.RAMWeigher, nova.scheduler.weights.cross_cell.CrossCellWeigher",
    )
    (compute,) = plugins.load_filters(parsed)
    assert compute.distribution == "corenova-filters"
    caplog.set_level(logging.INFO)
    ((ram, multiplier),) = plugins.load_weighers(parsed)
    assert (ram.name, ram.distribution, multiplier) == ("RAMWeigher", "corenova-filters", 1.0)
    assert [r.getMessage() for r in caplog.records] == ["CrossCellWeigher is left out: there are no cells"]


class TunedWeigher:
    multiplier_option = "tuned_multiplier"
    options = [cfg.FloatOpt("tuned_multiplier", default=1.0)]

    def configure(self, section):
        pass

    def weigh(self, host_state, spec):
        return 0.0


def test_a_weigher_may_bring_the_option_of_its_multiplier(conf):
    def multiplier(text):
        parsed = conf(f"weight_classes = RAMWeigher,{TunedWeigher.__name__}", "[TunedWeigher]", text)
        loader.give(parsed, loader.WEIGHERS, TunedWeigher)
        return plugins.load_weighers(parsed)[1][1]

    assert [multiplier(""), multiplier("tuned_multiplier = -2.5")] == [1.0, -2.5]
    with pytest.raises(PluginError, match=r"\[TunedWeigher\] tuned_multiplier = inf cannot be multiplied by"):
        multiplier("tuned_multiplier = inf")


def test_class_paths_and_names_keep_their_order(conf):
    parsed = conf(
        f"available_filters = {MODULE}.all_of_them",
        "enabled_filters = AllHostsFilter,EvenFilter,ComputeFilter",
        f"weight_classes = RAMWeigher,{MODULE}.weighers,CPUWeigher",
    )
    found = plugins.load_filters(parsed)
    assert names(found) == ["AllHostsFilter", "EvenFilter", "ComputeFilter"]
    assert (found[1].group, found[1].distribution, found[1].version) == (loader.FILTERS, MODULE, "")
    assert [(p.name, m) for p, m in plugins.load_weighers(parsed)] == [
        ("RAMWeigher", 1.0),
        ("LastWeigher", 2.0),
        ("CPUWeigher", 1.0),
    ]
    assert len(build_pipeline(parsed).filters) == 3


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["enabled_filters = EvenFilter"], "names EvenFilter, which no installed distribution offers"),
        (["enabled_filters = MetricsFilter"], "MetricsFilter: corenova has no metrics"),
        (["weight_classes = nova.scheduler.weights.metrics.MetricsWeigher"], "MetricsWeigher: corenova has no metrics"),
        (["weight_classes = LastWeigher"], "names LastWeigher, which no installed"),
        (["weight_classes = nova.scheduler.weights.no.SuchWeigher"], "imports nova.scheduler.weights.no;"),
        (["available_filters = nowhere.Filter"], "available_filters names nowhere.Filter, which cannot be loaded"),
        (
            [f"available_filters = {MODULE}.ComputeFilter", "enabled_filters = ComputeFilter"],
            "ComputeFilter is a class that a class path brings and an entry point",
        ),
        (
            [f"available_filters = {MODULE}.EvenFilter", "available_filters = another_written_for_nova.EvenFilter"],
            "two classes of the name EvenFilter",
        ),
        (
            [f"available_filters = {MODULE}.NoFilter", "enabled_filters = NoFilter"],
            f"{MODULE}.NoFilter, chosen by [filter_scheduler] enabled_filters, cannot be used: NoFilter has no method",
        ),
        ([f"weight_classes = {MODULE}.BrokenWeigher"], "cannot be used: OSError: no disk"),
        ([f"weight_classes = {MODULE}.LastWeigher,{MODULE}.weighers"], "names LastWeigher twice"),
        (["weight_classes = RAMWeigher,nova.scheduler.weights.ram.RAMWeigher"], "names RAMWeigher twice"),
        (
            ["[plugins]", "isolate = RAMWeigher,NoFilter"],
            "isolate names NoFilter, which is no enabled filter or weigher.",
        ),
    ],
)
def test_one_clear_line_at_the_start(conf, lines, words):
    with pytest.raises(PluginError) as refused:
        build_pipeline(conf(*lines))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture
def owned(tmp_path):
    """The module of this file belongs to a distribution."""
    info = tmp_path / "written_for_nova-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: written-for-nova\nVersion: 2.5\n")
    (info / "top_level.txt").write_text(f"{MODULE}\n")


def test_a_class_written_for_nova_is_of_the_distribution_of_its_package(conf, owned):
    parsed = conf("enabled_filters = ", f"weight_classes = {MODULE}.LastWeigher", "[plugins]",
                  "allowed_distributions = written-for-nova")  # fmt: skip
    ((weigher, _),) = plugins.load_weighers(parsed)
    assert (weigher.distribution, weigher.version, weigher.told().group) == ("written-for-nova", "2.5", loader.WEIGHERS)


@pytest.mark.parametrize("option", ["available_filters = {}.EvenFilter", "weight_classes = {}.LastWeigher"])
def test_a_class_path_of_a_distribution_that_is_not_allowed_is_not_imported(conf, owned, option):
    lines = [option.format(MODULE), "[plugins]", "allowed_distributions = corenova-filters"]
    with pytest.raises(PluginError) as refused:
        build_pipeline(conf(*lines))
    assert f"[filter_scheduler] {option.format(MODULE).replace(' =', ' names')[:17]}" in str(refused.value)
    assert "written-for-nova is not among [plugins] allowed_distributions" in str(refused.value)
    assert MODULE not in sys.modules


def test_a_stray_file_in_the_package_of_an_allowed_distribution_is_not_imported(conf, tmp_path, monkeypatch):
    """A namespace package in two folders, and a distribution of the same name, which has only the file of one."""
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    info = site / "strayed-1.0.dist-info"
    for folder in (site / "strayed", elsewhere / "strayed", info):
        folder.mkdir(parents=True)
    (site / "strayed" / "good.py").write_text(SOURCE)
    (elsewhere / "strayed" / "evil.py").write_text("raise RuntimeError('imported')")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strayed\nVersion: 1.0\n")
    (info / "RECORD").write_text("strayed/good.py,,\n")
    for folder in (site, elsewhere):
        monkeypatch.syspath_prepend(folder)

    def build(path):
        return build_pipeline(
            conf("enabled_filters =", f"weight_classes = {path}", *["[plugins]", "allowed_distributions = strayed"])
        )

    try:
        assert names(build("strayed.good.LastWeigher").plugins) == ["LastWeigher"]
        with pytest.raises(PluginError) as refused:
            build("strayed.evil.LastWeigher")
        assert f"{elsewhere / 'strayed' / 'evil.py'} is not among [plugins] allowed_distributions" in str(refused.value)
    finally:
        sys.modules.pop("strayed.good", None), sys.modules.pop("strayed", None)


@pytest.mark.parametrize(
    ("lines", "name", "words"),
    [
        (["enabled_filters = ComputeFilter,Gone"], "Gone", "which no installed distribution offers"),
        (["available_filters = nowhere.Gone", "enabled_filters = ComputeFilter,Gone"], "Gone", "cannot be loaded"),
        ([f"available_filters = {MODULE}.NoFilter", "enabled_filters = ComputeFilter,NoFilter"], "NoFilter", "method"),
        ([f"weight_classes = RAMWeigher,{MODULE}.BrokenWeigher"], "BrokenWeigher", "no disk"),
        (["weight_classes = RAMWeigher,nowhere.Gone"], "Gone", "No module named 'nowhere'"),
    ],
)
def test_what_is_optional_is_left_out_and_told_once(conf, caplog, lines, name, words):
    left_out = []
    line = build_pipeline(conf(*lines, "[plugins]", f"optional = {name}"), left_out=left_out)
    assert [(one.name, one.breaker) for one in left_out] == [(name, "open")]
    assert words in left_out[0].reason
    assert name not in names(line.plugins)
    assert {"ComputeFilter", "RAMWeigher"} <= set(names(line.plugins)), "the others are there"
    assert caplog.text.count("is left out, as [plugins] optional allows") == 1


class Formless:
    pass


def Nothing():
    return None


class Numbered:
    mask = weights = 5

    def host_passes(self, host_state, spec):
        return True

    weigh = host_passes


@pytest.mark.parametrize("given", [Formless, Nothing, Numbered], ids=lambda each: each.__name__)
@pytest.mark.parametrize(
    ("group", "option", "forms"),
    [
        (loader.FILTERS, "enabled_filters", "host_passes nor mask"),
        (loader.WEIGHERS, "weight_classes", "weigh nor weights"),
    ],
)
def test_who_cannot_be_asked_stops_the_start_unless_optional(conf, group, option, forms, given):
    name = given.__name__
    why = f"{forms.split()[-1]} cannot be called" if given is Numbered else f"it has neither {forms}"
    noun = loader.KINDS[group].noun
    line = (
        f"The {noun} {name} of this process cannot be used: {why}. Mend this process, or take {name} out of "
        f"[filter_scheduler] {option}."
    )

    def build(*more, left_out=None):
        parsed = conf(f"{option} = {name}", *more)
        loader.give(parsed, group, given)
        with pytest.raises(PluginError) as refused:
            plugins.load_named(parsed, group, name)
        assert str(refused.value) == line
        return build_pipeline(parsed, left_out=left_out)

    with pytest.raises(PluginError) as refused:
        build()
    assert str(refused.value) == line
    left_out = []
    assert name not in names(build("[plugins]", f"optional = {name}", left_out=left_out).plugins)
    assert [(one.name, one.reason) for one in left_out] == [(name, line)]


def test_a_class_path_that_ends_the_process_is_refused(conf, tmp_path):
    (tmp_path / "written_to_leave.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(PluginError, match=r"names written_to_leave.Filter, which cannot be loaded: SystemExit: 0\."):
        build_pipeline(conf("available_filters = written_to_leave.Filter"))


def test_a_class_may_be_made_available_twice(conf):
    parsed = conf(
        f"available_filters = {MODULE}.EvenFilter",
        f"available_filters = {MODULE}.all_of_them",
        "enabled_filters = EvenFilter",
    )
    assert names(plugins.load_filters(parsed)) == ["EvenFilter"]


def test_what_is_chosen_is_told_without_making_it(conf):
    listed, brought = plugins.chosen(conf(f"weight_classes = {MODULE}.BrokenWeigher"), loader.WEIGHERS)
    assert listed == list(brought) == ["BrokenWeigher"]


def test_aggregates_override_the_multiplier_of_a_weigher_written_for_nova(conf, build):
    deciding = build_pipeline(conf("enabled_filters = ", f"weight_classes = {MODULE}.OverriddenWeigher"))

    def best(metadata):
        hosts = build.table(build.host("h1"), build.host("h2"), build.host("h3", aggregates=metadata))
        return deciding.place(hosts, build.spec(), 1)[0].host

    assert best([{}]) == "h3"
    assert best([{"last_multiplier": "0.1"}, {"last_multiplier": "9"}]) == "h2"


def test_classes_of_requests_are_told_apart_by_what_a_filter_written_for_nova_reads(conf, build):
    deciding = build_pipeline(
        conf(f"available_filters = {MODULE}.HintFilter", "enabled_filters = HintFilter", "weight_classes = RAMWeigher")
    )
    hosts = build.table(3)
    for name in ("h0", "h1", "h2", "h1"):
        (decision,) = deciding.place(hosts, build.spec(scheduler_hints={"on": [name]}), 1)
        assert decision.host == name


def test_a_filter_that_reads_what_is_not_offered_refuses_and_says_why(conf, build, caplog):
    deciding = build_pipeline(
        conf(f"available_filters = {MODULE}.NeedyFilter", "enabled_filters = NeedyFilter", "weight_classes = ")
    )
    (decision,) = deciding.place(build.table(2), build.spec(), 1)
    assert decision.host is None
    assert "NeedyFilter failed on 2" in decision.summary
    assert "does not offer RequestSpec.pci_requests" in decision.rejections[0].reason
    assert "does not offer RequestSpec.pci_requests to Nova's filters" in caplog.text
