"""Leading eigenpairs by normscope and by its peers, timed side by side on a CPU.

    PYTHONPATH=scripts python tests/bench_eigensolver.py results/wide results/demo

The first run gives the networks and the images; with a second one, of half the width,
the growth is measured too. Then come torchvision's resnet18 and a small transformer, on
a batch of noise. Methods take turns, each in a process of its own; residuals
are computed anew, in float64 and by one code for all. Writes eigensolver.csv, .json and
.png, eigensolver_networks.csv and eigensolver_growth.csv, to benchmarks/
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import bench_networks
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from eigensolvers import METHODS, TOLERANCE, Loss, worst_residual

from normscope import devices
from normscope.images import datasets
from normscope.networks import files

BATCH_SIZE = 256
IMAGES = 1024
FOLDER = Path("benchmarks")
CASE = ["network", "width", "images", "k", "method"]


FASTEST = ["normscope", "double backward + eigsh", "curvlinops + eigsh"]
FUNCTIONAL = ["jvp of the gradient + eigsh", "torch.func.linearize + eigsh"]
COMPILED = "curvlinops compiled + eigsh"
# PyHessian would put active batch norm into evaluation mode: another function.
CASES = [
    (
        "frozen_batch_norm",
        10,
        [name for name in METHODS if name not in (*FUNCTIONAL, COMPILED)],
    ),
    ("frozen_batch_norm", 25, FASTEST),
    ("batch_norm", 10, FASTEST),
]
WITHOUT_RUN = [
    (name, 10, [*FASTEST, *FUNCTIONAL, COMPILED]) for name in bench_networks.NETWORKS
]


def gradient_seconds(network, batches):
    """Seconds of one gradient over all batches: the median of three."""
    weights, seconds = list(network.parameters()), []
    for _ in range(3):
        start = perf_counter()
        for images, labels in batches:
            torch.autograd.grad(Loss()(network(images), labels), weights)
        seconds.append(perf_counter() - start)
    return float(np.median(seconds))


def measure(run, network_name, images, k, method, with_residual):
    """One method, once, in this process: its row."""
    device = devices.prepare("cpu", torch.get_num_threads())
    if run is None:
        network, batches = bench_networks.build(network_name)
        images = len(batches[0][0])
    else:
        dataset = datasets.load(f"{run}/dataset.h5")
        batches = datasets.fixed_batches(dataset, 0, BATCH_SIZE, images)
        network, _ = files.load(f"{run}/seed0/{network_name}/network.pt")
        network = files.prepare_analysis(network, device)
    layers = network.modules()
    first = next(layer for layer in layers if isinstance(layer, torch.nn.Conv2d))
    start = perf_counter()
    found = METHODS[method](network, batches, k)
    seconds = perf_counter() - start - found.setup_seconds
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    gradient = gradient_seconds(network, batches)
    row = {
        "network": network_name,
        "width": first.out_channels,
        "images": images,
        "k": k,
        "method": method,
        "products": found.products,
        "seconds": seconds,
        "setup_seconds": found.setup_seconds,
        "gradients_per_product": seconds / found.products / gradient,
        "peak_gb": peak_gb,
    }
    if with_residual:
        row["worst_residual"] = worst_residual(
            network, batches, found.values, found.vectors
        )
    return row


def measured(*arguments):
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row = json.loads(done.stdout.splitlines()[-1])
    print(row, flush=True)
    return row


def comparison(run, rounds, cases):
    """Medians over the rounds of every case and method, with the ratio to normscope."""
    rows = [
        measured(run, network, IMAGES, k, method, number == 0)
        for network, k, methods in cases
        for number in range(rounds)
        for method in methods
    ]
    table = pd.DataFrame(rows).groupby(CASE, sort=False).median()
    ours = table.seconds.xs("normscope", level="method")
    table["ratio"] = table.seconds / ours
    return table.reset_index()


def growth(run, narrow, rounds):
    """Seconds of normscope as images, width or k grow, and the fitted exponents."""
    cases = {
        "images": [(narrow, images, 10) for images in (512, 1024, 2048)],
        "width": [(narrow, IMAGES, 10), (run, IMAGES, 10)],
        "k": [(narrow, IMAGES, k) for k in (10, 25, 50)],
    }
    rows = [
        {"grows": grows}
        | measured(folder, "frozen_batch_norm", images, k, "normscope", False)
        for _ in range(rounds)
        for grows, settings in cases.items()
        for folder, images, k in settings
    ]
    table = (
        pd.DataFrame(rows).groupby(["grows", *CASE], sort=False).median().reset_index()
    )
    for grows, part in table.groupby("grows"):
        sizes = np.log(part[grows])
        for quantity in ("seconds", "products"):
            exponent = np.polyfit(sizes, np.log(part[quantity]), 1)[0]
            table.loc[part.index, f"{quantity}_exponent"] = exponent
    return table


def draw(table):
    """Seconds by method, a panel for each case, with the ratio to normscope."""
    cases = table.groupby(CASE[:-1], sort=False)
    figure, axes = plt.subplots(
        1, len(cases), figsize=(12, 3.2), sharey=True, constrained_layout=True
    )
    for axis, ((network, _, _, k), rows) in zip(axes, cases, strict=True):
        places = [list(METHODS).index(method) for method in rows.method]
        colours = ["C0" if method == "normscope" else "0.6" for method in rows.method]
        axis.barh(places, rows.seconds, color=colours)
        for place, row in zip(places, rows.itertuples(), strict=True):
            missed = row.worst_residual > 1.05 * TOLERANCE
            note = f" {row.ratio:.1f} x" + (" (not converged)" if missed else "")
            axis.text(row.seconds, place, note, va="center", fontsize=8)
        axis.set_title(f"{network.replace('_', ' ')}, k = {k}", fontsize=9)
        axis.set_xlabel("seconds")
        axis.margins(x=0.35)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(METHODS)), METHODS)
    axes[0].invert_yaxis()
    figure.savefig(FOLDER / "eigensolver.png", dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?")
    parser.add_argument("narrow", nargs="?", help="a run of half the width")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=len(CASES), help="only the first")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*json.loads(options.one))))
        return
    FOLDER.mkdir(exist_ok=True)
    table = comparison(options.run, options.rounds, CASES[: options.cases])
    table.to_csv(FOLDER / "eigensolver.csv", index=False)
    table.to_json(FOLDER / "eigensolver.json", orient="records", indent=2)
    draw(table)
    print(table.to_string(index=False))
    others = comparison(None, options.rounds, WITHOUT_RUN)
    others.to_csv(FOLDER / "eigensolver_networks.csv", index=False)
    print(others.to_string(index=False))
    if options.narrow is None:
        return
    table = growth(options.run, options.narrow, options.rounds)
    table.to_csv(FOLDER / "eigensolver_growth.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
