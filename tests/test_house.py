"""The limits of the house: imports go down, files and functions stay short."""

import ast
import re

import pytest
from running import ROOT

SCRIPTS = ROOT / "scripts"
PACKAGE = SCRIPTS / "normscope"
# From the lowest floor to the top; "" is what lies flat beside the packages.
FLOORS = (
    "", "images", "networks", "analysis", "outputs", "curvature", "results", "figures",
    "claims", "page",
)  # fmt: skip
FRAME = re.compile(
    r"^(\s+)(log|benchmark|conda|localrule|resources|threads|script|priority):(.*)"
)


def floor(path):
    """The number of the floor of a module of the package, by its path in it."""
    first = path.split("/")[0]
    return FLOORS.index(first if first in FLOORS else "")


def imported(path):
    """The modules of the package that a file imports, by their paths in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module.split(".")[0] == "normscope"
        ):
            for alias in node.names:
                parts = [*node.module.split(".")[1:], alias.name]
                yield "/".join(parts)


def test_modules_import_from_their_own_floor_or_below():
    upwards = [
        (path.name, other)
        for path in PACKAGE.rglob("*.py")
        for other in imported(path)
        if floor(other) > floor(path.relative_to(PACKAGE).with_suffix("").as_posix())
    ]
    assert upwards == []


@pytest.mark.parametrize(
    "path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.stem
)
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert text.count("\n") <= 200
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 45, node.name


def test_files_of_tests_are_short():
    lengths = {
        path.name: path.read_text().count("\n") for path in ROOT.glob("tests/*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_rules_say_more_than_their_frame():
    frame = total = 0
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        indent = None  # of the frame's directive that we are in
        for line in filter(str.strip, path.read_text().splitlines()):
            total += 1
            deep = len(line) - len(line.lstrip())
            if indent is not None and deep <= indent:
                indent = None
            if match := FRAME.match(line):
                indent = deep
            frame += indent is not None
            if match and match[3].strip():
                indent = None
    assert frame < 0.3 * total
