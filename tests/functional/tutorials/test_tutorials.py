"""The tutorials of docs/ by doing them: each command is run, each file written, what is shown compared."""

from pathlib import Path

import pytest

from tests.functional.tutorials import tutorial

DOCUMENTS = Path(__file__).parents[3] / "docs"
TUTORIALS = [file for file in sorted(DOCUMENTS.glob("**/*.md")) if "<!-- tutorial: prepared -->" in file.read_text()]


@pytest.mark.parametrize("document", TUTORIALS, ids=lambda file: file.stem)
def test_a_tutorial_can_be_followed(document: Path, tmp_path: Path, environment: dict[str, str]):
    folder = tmp_path / "plug-ins"
    folder.mkdir()
    typed = tutorial.run(document, folder, environment)
    assert any(one.command.startswith("corenova-all") for one in typed)


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (["a  1", "c ... 3"], ""),
        (["...", "b 2"], ""),
        (["b 2", "a 1"], "a 1"),
        (["a 2"], "a 2"),
    ],
)
def test_what_is_shown_is_compared_in_order(shown, missing):
    assert tutorial.missing(shown, "a 1\nb   2\nc and 3\n") == missing


def test_a_command_that_shows_or_ends_otherwise_is_noticed(tmp_path):
    document = tmp_path / "x.md"
    for text, says in [
        ("```console\n$ echo one\ntwo\n```\n", "does not show: two"),
        ("```console\n$ false\n```\n", "ended with 1, not 0"),
        ('```ini title="f"\na\n```\n\n```ini from="f"\nb\n```\n', "not in f"),
    ]:
        document.write_text(text)
        with pytest.raises(AssertionError, match=says):
            tutorial.run(document, tmp_path, {"PATH": "/usr/bin:/bin"})


def test_files_variables_and_directories_last_from_block_to_block(tmp_path):
    document = tmp_path / "x.md"
    document.write_text(
        "<!-- tutorial: prepared -->\n```console\n$ false\n```\n\n"
        "```console\n$ mkdir d && cd d && export WORD=here\n```\n\n"
        '```ini title="f"\n[text]\n```\n\nProse.\n\n'
        "<!-- tutorial: exit 3 -->\n```console\n$ cat f; echo $WORD; (exit 3)\n[text]\nh...e\n```\n"
    )
    assert len(tutorial.run(document, tmp_path, {"PATH": "/usr/bin:/bin"})) == 2
    assert (tmp_path / "d" / "f").read_text() == "[text]\n"
