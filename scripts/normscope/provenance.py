"""What made a result: digests of the code, and the facts written into every file."""

import ast
import hashlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from pickletools import genops
from types import SimpleNamespace
from zipfile import BadZipFile, ZipFile

import h5py

TORCH = version("torch")
SCRIPTS = Path(__file__).resolve().parent.parent


def code(script: str, scripts: Path = SCRIPTS) -> list[str]:
    """One "file digest" for the script and for every module that it imports.

    As params of a rule these make its outputs stale when, and only when, the code
    that they come from changes; comments, docstrings and layout do not count.
    """
    files = _imports(scripts, script)
    return [f"{name} {digest(_source(scripts / name))}" for name in sorted(files)]


def templates(*names: str) -> list[str]:
    """One "file digest" for each of the templates that pages are made of."""
    files = {f"normscope/templates/{name}" for name in names}
    return [
        f"{name} {hashlib.sha256((SCRIPTS / name).read_bytes()).hexdigest()[:8]}"
        for name in sorted(files)
    ]


def digest(source: str) -> str:
    """Eight hex digits of the program, the same for any comments and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:8]


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _imports(scripts: Path, name: str) -> frozenset[str]:
    found = {name}
    for node in ast.walk(ast.parse(_source(scripts / name))):
        if isinstance(node, ast.ImportFrom) and node.module == "normscope":
            modules = [f"normscope/{alias.name}.py" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module.replace(".", "/") + ".py"]
        elif isinstance(node, ast.Import):
            modules = [alias.name.replace(".", "/") + ".py" for alias in node.names]
        else:
            continue
        for module in modules:
            if module.startswith("normscope/"):
                found |= _imports(scripts, module)
    return frozenset(found)


def made_by_other_torch(results: Path) -> dict[str, str]:
    """The torch version of each of the run's networks and HDF5 files that is not of
    this one.
    """
    found = {}
    for path in sorted(results.rglob("*.h5")):
        with suppress(OSError), h5py.File(path, locking=False) as file:
            found[str(path)] = file.attrs.get("torch")
    for path in sorted(results.rglob("network.pt")):
        with suppress(OSError, BadZipFile, ValueError, LookupError):
            found[str(path)] = _torch_of_network(path)
    return {path: made for path, made in found.items() if made not in (None, TORCH)}


def _torch_of_network(path: Path) -> str:
    """From the words of its pickle, as importing torch would take seconds."""
    with ZipFile(path) as archive:
        pickled = archive.read(f"{archive.namelist()[0].split('/')[0]}/data.pkl")
    words = [value for _, value, _ in genops(pickled) if isinstance(value, str)]
    return words[words.index("torch") + 1]


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
