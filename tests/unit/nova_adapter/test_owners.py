"""Whose code a class path is: by the file that an import would read, and without importing anything."""

import json
import sys

import pytest

from corenova.nova_adapter.owners import owner

CORE = ("acme-core", "1.0")


@pytest.fixture(autouse=True)
def nothing_is_imported():
    """Every file below says what it is when it is imported."""
    yield
    assert not {name for name in sys.modules if name.partition(".")[0] == "acme"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Give a function that puts modules, and distributions with the files that they list, into a folder on the path."""

    def put(folder, *modules, distributions=(), on_path=True):
        root = tmp_path / folder
        for module in modules:
            file = root / (module.replace(".", "/") + ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("raise RuntimeError('imported')")
        for name, listed in dict(distributions).items():
            info = root / f"{name.replace('-', '_')}-1.0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "top_level.txt").write_text("acme\n")
            if listed is not None:
                (info / "RECORD").write_text("".join(f"{one},,\n" for one in listed))
        if on_path:
            monkeypatch.syspath_prepend(root)
        return root

    return put


def test_a_module_is_of_the_distribution_that_lists_it(place):
    place("one", "acme.core", distributions={"acme-core": ["acme/core.py"]})
    place("two", "acme.more.deep", distributions={"acme-more": ["acme/more/deep.py"]})
    assert owner("acme.core.Filter") == CORE
    assert owner("acme.more.deep.Filter") == ("acme-more", "1.0")


@pytest.mark.parametrize("others", [{}, {"acme-more": ["acme/more.py"]}])
def test_a_file_that_nobody_lists_goes_by_its_path(place, others):
    place("one", "acme.core", distributions={"acme-core": ["acme/core.py"], **others})
    stray = place("two", "acme.evil") / "acme" / "evil.py"
    assert owner("acme.evil.Filter") == (str(stray), "")
    beside = place("one", "acme.evil_too", on_path=False) / "acme" / "evil_too.py"
    assert owner("acme.evil_too.Filter") == (str(beside), "")


def test_a_file_that_is_found_before_the_listed_one_is_not_taken_for_it(place):
    place("one", "acme.__init__", "acme.core", distributions={"acme-core": ["acme/__init__.py", "acme/core.py"]})
    assert owner("acme.core.Filter") == CORE
    before = place("two", "acme.__init__", "acme.core") / "acme" / "core.py"
    assert owner("acme.core.Filter") == (str(before), "")


def test_a_distribution_without_a_list_has_what_lies_beside_it(place):
    place("one", "acme.core", distributions={"acme-core": None})
    stray = place("two", "acme.evil") / "acme" / "evil.py"
    assert (owner("acme.core.Filter"), owner("acme.evil.Filter")) == (CORE, (str(stray), ""))
    place("one", distributions={"acme-twin": None})
    assert owner("acme.core.Filter")[1] == "", "either could have brought it"


def test_an_editable_install_has_its_working_tree_but_not_the_environment_in_it(place):
    tree = place("tree/src", "acme.core").parent
    site = place("tree/venv/site-packages", "acme.evil", distributions={"acme-core": ["__editable__.acme_core.pth"]})
    (site / "acme_core-1.0.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": tree.as_uri(), "dir_info": {"editable": True}})
    )
    assert owner("acme.core.Filter") == CORE
    assert owner("acme.evil.Filter") == (str(site / "acme" / "evil.py"), "")


def test_what_is_not_there_goes_by_its_name(place):
    place("one", "acme.core", distributions={"acme-core": ["acme/core.py"]})
    assert owner("acme.gone.Filter") == ("the module acme.gone", "")
    assert owner("acme.core.deeper.Filter") == ("the module acme.core.deeper", "")
    assert owner("nowhere.gone.Filter") == ("nowhere", "")
