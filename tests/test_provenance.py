"""Digests follow the program and nothing else."""

import h5py
import pytest
import torch

from normscope.provenance import TORCH, code, digest, made_by_other_torch

SOURCE = '''"""What it is."""

import os


def f(x):
    """What comes back."""
    return x + 1  # why
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # why", ""),
        ('"""What it is."""', ""),
        ('    """What comes back."""\n', '    """Other."""\n'),
        ("x + 1", "(x\n        + 1)"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old, new):
    assert digest(SOURCE.replace(old, new)) == digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"), [("x + 1", "x + 2"), ("import os", "import re")]
)
def test_a_changed_line_counts(old, new):
    assert digest(SOURCE.replace(old, new)) != digest(SOURCE)


def test_modules_are_followed_through_their_imports(tmp_path):
    package = tmp_path / "normscope"
    package.mkdir()
    (tmp_path / "script.py").write_text("import numpy\nfrom normscope import a\n")
    (package / "a.py").write_text("from normscope.b import f\n")
    (package / "b.py").write_text("def f(): pass\n")
    (package / "c.py").write_text("")
    names = [line.split()[0] for line in code("script.py", tmp_path)]
    assert names == ["normscope/a.py", "normscope/b.py", "script.py"]


def test_figures_do_not_depend_on_the_eigensolver():
    names = {line.split()[0] for line in code("plot_eigenvalues.py")}
    assert "normscope/drawing.py" in names
    assert "normscope/lanczos.py" not in names


def test_results_of_another_torch_are_found(tmp_path):
    for name, made in (("old", "1.0"), ("new", TORCH), ("unknown", None)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            if made:
                file.attrs["torch"] = made
    (tmp_path / "broken.h5").write_bytes(b"")
    weights = {"state_dict": {"weight": torch.ones(2)}, "network": {"norm": "batch"}}
    for name, made in (("older", "1.1"), ("newer", TORCH)):
        path = tmp_path / name / "network.pt"
        path.parent.mkdir()
        torch.save(weights | {"facts": {"rule": "train_network", "torch": made}}, path)
    assert made_by_other_torch(tmp_path) == {
        str(tmp_path / "old.h5"): "1.0",
        str(tmp_path / "older/network.pt"): "1.1",
    }
