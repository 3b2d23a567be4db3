"""What the documents name exists: files, and in docs/call-chain.md the very functions."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FILE = r"(?:corenova|plugins|tests|tools|etc|examples|benchmarks|docs|releasenotes|\.ci)/[\w./-]*"
NAMED_FILE = re.compile(rf"`({FILE}\w/?)(?:: [\w.]+)?`")
REFERENCE = re.compile(rf"`({FILE}\.py): ([\w.]+)`")


def _defines(file: Path, name: str) -> bool:
    """Tell whether ``name`` (``function``, ``Class.method`` or a module's constant) is defined in ``file``."""
    body = ast.parse(file.read_text()).body
    for part in name.split("."):
        found = next((node for node in body if part in _names(node)), None)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return True


def _names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return {getattr(node, "name", "")}


def _lines(document: Path) -> list[tuple[int, str]]:
    return list(enumerate(document.read_text().splitlines(), 1))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(document: Path):
    missing = [
        f"{document.name}:{number}: {path}"
        for number, line in _lines(document)
        for path in NAMED_FILE.findall(line)
        if not (ROOT / path).exists()
    ]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_functions_that_are_named_exist(document: Path):
    missing = [
        f"{document.name}:{number}: {path}: {name}"
        for number, line in _lines(document)
        for path, name in REFERENCE.findall(line)
        if not (ROOT / path).exists() or not _defines(ROOT / path, name)
    ]
    assert not missing


def test_the_call_chain_names_functions_all_along():
    """A table in another notation would pass the test above without being looked at."""
    found = REFERENCE.findall((ROOT / "docs" / "call-chain.md").read_text())
    places = {path.split("/")[1] for path, _ in found if path.startswith("corenova/")}
    assert {"api", "rpc", "conductor", "scheduler", "compute", "contracts"} <= places
    assert len(found) >= 15


def test_a_function_that_is_gone_is_noticed():
    manager = ROOT / "corenova" / "conductor" / "manager.py"
    assert _defines(manager, "ConductorManager.schedule_and_build_instances")
    assert not _defines(manager, "ConductorManager.schedule_and_build_servers")
    assert not _defines(manager, "schedule_and_build_instances")
