"""What made a result: digests of the code, and the facts written into every file."""

import ast
import hashlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import h5py

TORCH = version("torch")
SCRIPTS = Path(__file__).resolve().parent.parent


def code(script: str, *also: str, scripts: Path = SCRIPTS) -> list[str]:
    """One "file digest" for the script, for every module that it imports, and for
    those `also` that it imports by name as it runs.

    As params of a rule these make its outputs stale when, and only when, the code that
    they come from changes; comments, docstrings, layout and texts of errors do not
    count.
    """
    files = frozenset().union(*(_imports(scripts, name) for name in (script, *also)))
    return [f"{name} {digest(_source(scripts / name))}" for name in sorted(files)]


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


@cache
def digest(source: str) -> str:
    """Eight hex digits of the program, the same for any comments, layout and texts of
    error messages.
    """
    tree = _WithoutWords().visit(ast.parse(source))
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:8]


class _WithoutWords(ast.NodeTransformer):
    """Removes docstrings and the arguments of errors."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name.endswith("Error"):
            return ast.Call(node.func, [], [])
        return self.generic_visit(node)


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _imports(scripts: Path, name: str) -> frozenset[str]:
    """The file, and all files of the package that it imports, by their paths."""
    found = {name}
    for node in ast.walk(ast.parse(_source(scripts / name))):
        if isinstance(node, ast.ImportFrom) and node.module:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        else:
            continue
        for path in paths:
            if path.startswith("normscope."):
                found |= _imports(scripts, _file(scripts, path))
    return frozenset(found)


def _file(scripts: Path, path: str) -> str:
    """The file of a module or package, or of the module that a name comes from."""
    place = path.replace(".", "/")
    for file in (f"{place}.py", f"{place}/__init__.py"):
        if (scripts / file).exists():
            return file
    return _file(scripts, path.rpartition(".")[0])


def made_by_other_torch(results: Path) -> dict[str, str]:
    """The HDF5 files under the folder that another torch version made, with that
    version.
    """
    found = {}
    for path in sorted(results.rglob("*.h5")):
        with suppress(OSError), h5py.File(path, locking=False) as file:
            found[str(path)] = file.attrs.get("torch")
    return {path: made for path, made in found.items() if made not in (None, TORCH)}


def facts(job: SimpleNamespace, device: str = "cpu") -> dict[str, str]:
    """Run, seed, network, rule, code digest, torch version and device of a job.

    Its params that are strings are the digests of `code`.
    """
    digests = [value for value in job.params if isinstance(value, str)]
    return {
        "run": job.config["run"],
        "seed": job.wildcards.get("seed", "all"),
        "network": job.wildcards.get("network", "all"),
        "rule": job.rule,
        "code": hashlib.sha256("\n".join(digests).encode()).hexdigest()[:8],
        "torch": TORCH,
        "device": device,
    }
