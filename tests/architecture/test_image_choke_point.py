"""One file runs qemu-img. Each advisory on image formats was followed by one on a caller that had been forgotten."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHOKE_POINT = Path("plugins/drivers/corenova_drivers/libvirt/imagetool.py")
PROGRAM = "qemu-img"


def _words(file: Path) -> list[tuple[int, str]]:
    """Return the texts of a program with their lines, but not its docstrings."""
    tree = ast.parse(file.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]


def _callers() -> dict[Path, list[int]]:
    files = [
        file for folder in (ROOT / "corenova", *ROOT.glob("plugins/*/corenova_*")) for file in folder.rglob("*.py")
    ]
    found = {file.relative_to(ROOT): [line for line, text in _words(file) if PROGRAM in text] for file in files}
    return {file: lines for file, lines in found.items() if lines}


def test_nothing_but_the_choke_point_runs_qemu_img():
    others = {file: lines for file, lines in _callers().items() if file != CHOKE_POINT}
    assert not others, f"call corenova_drivers.libvirt.imagetool.ImageTool instead: {others}"


def test_the_choke_point_is_seen():
    assert len(_callers()[CHOKE_POINT]) >= 4


def test_qemu_img_is_never_left_to_guess_a_format():
    """Every command line of it names a format."""
    tree = ast.parse((ROOT / CHOKE_POINT).read_text())
    commands = [
        [element.value for element in node.elts if isinstance(element, ast.Constant)]
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple)
        and any(isinstance(element, ast.Constant) and element.value == PROGRAM for element in node.elts)
        and any(isinstance(element, ast.Constant) and element.value == "-f" for element in node.elts)
    ]
    verbs = {command[command.index(PROGRAM) + 1] for command in commands}
    assert verbs == {"info", "check", "create", "resize", "convert"}
    every = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in verbs and node.col_offset > 0
    ]
    assert len(every) == len(commands), "a command without -f"
