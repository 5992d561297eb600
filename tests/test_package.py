"""The package as pip installs it, and what the README does with it from Python."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from running import ROOT

# A reader's own tensors, before the README's lines; after them, what they must give.
TENSORS = "import torch\nimages = torch.randn(8, 3, 32, 32)\nlabels = torch.arange(8)\n"
CHECKS = """
import normscope
assert "installed" in normscope.__file__
assert (pairs.residual_norms <= 1e-3).all()
vector = pairs.eigenvectors[0]
rest = hessian(vector) - pairs.eigenvalues[0] * vector
assert rest.norm() <= 1e-3 * pairs.eigenvalues[0]
assert overlaps.shape == (9,) and (overlaps > 0).all() and (overlaps < 1).all()
"""


@pytest.mark.long
def test_the_lines_of_the_readme_run_with_the_installed_package(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "scripts", source / "scripts")
    shutil.copy(ROOT / "pyproject.toml", source)
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", installed, source], check=True, timeout=300)
    assert (installed / "normscope/page/templates/page.html").exists()
    assert {path.name for path in installed.glob("*.py")} == set()
    (lines,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    subprocess.run(
        [sys.executable, "-c", TENSORS + lines + CHECKS],
        env=os.environ | {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        check=True,
        timeout=900,
    )
