"""Digests of the code that a result comes from, by which Snakemake knows what is stale.

No script imports this, so that an edit of it makes no result stale by itself.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent


def code(script: str, *also: str, scripts: Path = SCRIPTS) -> list[str]:
    """One "file digest" for the script, for every module that it imports, and for
    those `also` that it imports by name as it runs.

    As params of a rule these make its outputs stale when, and only when, the code that
    they come from changes; comments, docstrings, layout and texts of errors do not
    count.
    """
    files = frozenset().union(*(_imports(scripts, name) for name in (script, *also)))
    return [f"{name} {_of_file(scripts / name)[0]}" for name in sorted(files)]


def digest_of_user(place: str) -> str:
    """ "file:function digest" for what a user's `file.py:function` comes from.

    Raises FileNotFoundError where there is no such file.
    """
    path = Path(place.rpartition(":")[0]).expanduser()
    return f"{place} {digest(_source(path))}"


def modules(package: str) -> list[str]:
    """The files of the modules of a package, as `code` takes them."""
    folder = SCRIPTS / "normscope" / package
    return [path.relative_to(SCRIPTS).as_posix() for path in folder.glob("[!_]*.py")]


def templates(*names: str) -> list[str]:
    """One "file digest" for each of the templates that pages are made of."""
    files = {f"normscope/page/templates/{name}" for name in names}
    return [
        f"{name} {hashlib.sha256((SCRIPTS / name).read_bytes()).hexdigest()[:8]}"
        for name in sorted(files)
    ]


def digest(source: str) -> str:
    """Eight hex digits of the program, the same for any comments, layout and texts of
    error messages.
    """
    return _digest(ast.parse(source))


def _digest(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        _remove_words(node)
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:8]


def _remove_words(node: ast.AST) -> None:
    """Remove its docstring, or where it makes an error the arguments."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name.endswith("Error"):
            node.args = node.keywords = []
    elif isinstance(node, documented) and ast.get_docstring(node, clean=False):
        node.body = node.body[1:] or [ast.Pass()]


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _of_file(path: Path) -> tuple[str, list[str]]:
    """Its digest, and the modules of the package that it imports, or names in them."""
    tree = ast.parse(_source(path))
    imported = []
    for node in _statements(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            imported += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
    ours = [path for path in imported if path.startswith("normscope.")]
    return _digest(tree), ours


@cache
def _imports(scripts: Path, name: str) -> frozenset[str]:
    """The file, and all files of the package that it imports, by their paths."""
    _, imported = _of_file(scripts / name)
    files = (_imports(scripts, _file(scripts, path)) for path in imported)
    return frozenset({name}).union(*files)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements in it, without their expressions, which are most of a tree."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inside in getattr(node, block, ()):
            yield inside
            yield from _statements(inside)


def _file(scripts: Path, path: str) -> str:
    """The file of a module or package, or of the module that a name comes from."""
    place = path.replace(".", "/")
    for file in (f"{place}.py", f"{place}/__init__.py"):
        if (scripts / file).exists():
            return file
    return _file(scripts, path.rpartition(".")[0])
