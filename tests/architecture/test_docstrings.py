"""Every public module, class, function and method says what it is for."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for package in [ROOT / "corenova", *ROOT.glob("plugins/*/corenova_*")]
    for file in package.rglob("*.py")
    if file.stat().st_size  # an empty __init__.py has nothing to say
    and file.parent.name != "tests"  # of the templates of new plug-ins
)
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _silent(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.If, ast.Try)):  # a definition that depends on something is still public
            yield from _silent(child, prefix)
        if isinstance(child, DEFINITIONS) and not child.name.startswith("_"):
            if not ast.get_docstring(child):
                yield f"{prefix}{child.name} (line {child.lineno})"
            if isinstance(child, ast.ClassDef):
                yield from _silent(child, f"{prefix}{child.name}.")


def test_everything_public_has_a_docstring():
    silent = []
    for file in FILES:
        tree = ast.parse(file.read_text())
        found = [] if ast.get_docstring(tree) else ["the module"]
        silent += [f"{file.relative_to(ROOT)}: {name}" for name in (*found, *_silent(tree, ""))]
    assert not silent, "\n".join(silent)
