"""The tests that need a GPU, and times on it: a table, and benchmarks/gpu.csv.

    python tests/gpu_check.py [--device cpu] [--tiny]

By the Python that it is called with: torch 2.11 or newer and the NEEDED. pytest runs
the tests and curvlinops is timed where they are installed. Minutes on an H100.
"""

import argparse
import csv
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("torch", "numpy", "scipy", "h5py", "psutil", "tqdm", "jaxtyping")
COLUMNS = (
    "task", "network", "method", "images", "products", "seconds", "seconds_of_50000",
    "rounds", "residual", "note", "device", "torch",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--tiny", action="store_true", help="sizes for a test")
    parser.add_argument("--output", default=ROOT / "benchmarks/gpu.csv", type=Path)
    options = parser.parse_args()
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        sys.exit(f"gpu-check: this Python has no {', '.join(missing)}; install them")
    sys.path.insert(0, str(ROOT / "scripts"))
    import gpu_times  # not before its packages are known to be there
    import torch

    from normscope import devices
    from normscope.job import UserError

    try:
        device = devices.prepare(options.device, torch.get_num_threads())
    except UserError as refused:
        sys.exit(f"gpu-check: {refused}")
    place = {"device": devices.describe(device), "torch": torch.__version__}
    sizes = gpu_times.TINY if options.tiny else gpu_times.ARTICLE
    options.output.parent.mkdir(parents=True, exist_ok=True)
    passed = gpu_tests()
    print("{device}, torch {torch}".format(**place))
    with open(options.output, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for row in gpu_times.measurements(sizes, device):
            table.writerow(row | place)
            file.flush()
            print(line(row), flush=True)
    print(f"all of it: {options.output}")
    return 0 if passed else 1


def gpu_tests() -> bool:
    """Whether the tests that are marked so pass, where there is pytest."""
    if find_spec("pytest") is None:
        print("no pytest: the GPU tests are not run")
        return True
    files = [
        path
        for path in sorted((ROOT / "tests").glob("test_*.py"))
        if "mark.gpu" in path.read_text(encoding="utf-8")
    ]
    # Of another torch than ours, a warning is no error; and no annotation is checked.
    options = ["-q", "-m", "gpu", "-W", "default", "-o", "addopts="]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run([*command, *files], cwd=ROOT).returncode == 0


def line(row: dict) -> str:
    """The row of the table in words."""
    text = "{task:17} {network:10} {method:30}".format(**row)
    if "seconds" not in row:
        return f"{text} {row['note']}"
    text += f" {row['seconds']:9.4f} s of {row['images']:,} images"
    if "seconds_of_50000" in row:
        text += f", {row['seconds_of_50000']:.1f} s of 50,000"
    if "products" in row:
        text += f", {row['products']} products, residual {row['residual']:.1g}"
    return text


if __name__ == "__main__":
    sys.exit(main())
