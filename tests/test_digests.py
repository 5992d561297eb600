"""Digests follow the program and nothing else."""

import re

import h5py
import pytest

from normscope.digests import SCRIPTS, code, digest
from normscope.provenance import TORCH, made_by_other_torch

SOURCE = '''"""What it is."""

import os


def f(x):
    """What comes back."""
    if x == 3:
        raise ValueError("x is odd")
    return x + 1  # why
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # why", ""),
        ('"x is odd"', 'f"{x} is too odd"'),
        ('"""What it is."""', ""),
        ('    """What comes back."""\n', '    """Other."""\n'),
        ("x + 1", "(x\n        + 1)"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old, new):
    assert digest(SOURCE.replace(old, new)) == digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("x + 1", "x + 2"), ("import os", "import re"), ("x == 3", "x == 5")],
)
def test_a_changed_line_counts(old, new):
    assert digest(SOURCE.replace(old, new)) != digest(SOURCE)


def test_modules_are_followed_through_their_imports(tmp_path):
    for path, source in {
        "script.py": "import numpy\nfrom normscope import a\n",
        "normscope/a.py": "from normscope.inner.b import f\n",
        "normscope/inner/b.py": "from normscope.inner import c\n",
        "normscope/inner/c.py": "",
        "normscope/inner/d.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source)
    assert [line.split()[0] for line in code("script.py", scripts=tmp_path)] == [
        "normscope/a.py", "normscope/inner/b.py", "normscope/inner/c.py", "script.py",
    ]  # fmt: skip


def test_packages_hold_no_code_of_their_own():
    """As `code` follows modules, and what a package runs would go unseen."""
    for path in (SCRIPTS / "normscope").rglob("__init__.py"):
        assert digest(path.read_text()) == digest("pass"), path


@pytest.mark.parametrize("script", ["plot_eigenvalues", "judge_claims", "render_page"])
def test_what_reads_results_needs_neither_the_eigensolver_nor_torch(script):
    names = {line.split()[0] for line in code(f"{script}.py")}
    assert "normscope/results/runs.py" in names
    assert "normscope/curvature/lanczos.py" not in names
    sources = [(SCRIPTS / name).read_text() for name in names]
    assert not any(re.search(r"^(import|from) torch", s, re.M) for s in sources)


def test_results_of_another_torch_are_found(tmp_path):
    for name, made in (("old", "1.0"), ("new", TORCH), ("unknown", None)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            if made:
                file.attrs["torch"] = made
    (tmp_path / "broken.h5").write_bytes(b"")
    assert made_by_other_torch(tmp_path) == {str(tmp_path / "old.h5"): "1.0"}
