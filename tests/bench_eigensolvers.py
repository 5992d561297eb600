"""Leading eigenpairs by normscope and by its peers, timed side by side.

    python tests/bench_eigensolvers.py results/demo --network frozen_batch_norm

Each method runs in a process of its own, in turn, for some rounds, on the first images
of the run. Writes benchmarks/eigensolver.csv and .json. Residuals are computed anew in
float64, by double backward, for all methods alike.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from normscope import datasets, devices, networks
from normscope.hessian import Hessian
from normscope.lanczos import leading_eigenpairs
from normscope.parameters import flatten
from normscope.training import smoothed_cross_entropy


class Loss(torch.nn.Module):
    """The run's loss as a module, which the peers ask for."""

    reduction = "mean"

    def forward(self, logits, labels):
        return smoothed_cross_entropy(logits, labels, 0.5)


def product(network, batches, vector):
    """H v by two backward passes a batch, the article's way."""
    weights = list(network.parameters())
    total = torch.zeros_like(vector)
    for images, labels in batches:
        loss = Loss()(network(images), labels)
        gradient = flatten(torch.autograd.grad(loss, weights, create_graph=True))
        total += flatten(torch.autograd.grad(gradient @ vector, weights))
    return total / len(batches)


def scipy_pairs(operator, k, tolerance):
    from scipy.sparse.linalg import eigsh

    start = np.random.default_rng(0).normal(size=operator.shape[0])
    values, vectors = eigsh(operator, k, tol=tolerance, v0=start)
    return values, vectors.T


def normscope(network, batches, k, tolerance):
    hessian = Hessian(network, Loss(), batches, memory_gb=3.0)
    pairs = leading_eigenpairs(hessian, k, tolerance, devices.generator(0, "bench"))
    return pairs.eigenvalues.numpy(), pairs.eigenvectors.numpy(), pairs.matvecs


def article(network, batches, k, tolerance):
    from scipy.sparse.linalg import LinearOperator

    count = 0

    def matvec(vector):
        nonlocal count
        count += 1
        direction = torch.from_numpy(vector.astype(np.float32).reshape(-1))
        return product(network, batches, direction).numpy()

    size = sum(weight.numel() for weight in network.parameters())
    operator = LinearOperator((size, size), matvec=matvec, dtype=np.float32)
    return *scipy_pairs(operator, k, tolerance / 10), count


def curvlinops(network, batches, k, tolerance):
    from curvlinops import HessianLinearOperator

    parameters = dict(network.named_parameters())
    try:
        operator = HessianLinearOperator(
            network, Loss(), parameters, batches, check_deterministic=False
        )
    except (TypeError, AttributeError):
        operator = HessianLinearOperator(
            network, Loss(), list(parameters.values()), batches,
            check_deterministic=False,
        )  # fmt: skip
    counted = operator.to_scipy()
    plain, count = counted._matvec, 0

    def matvec(vector):
        nonlocal count
        count += 1
        return plain(vector)

    counted._matvec = matvec
    return *scipy_pairs(counted, k, tolerance / 10), count


def pyhessian(network, batches, k, tolerance):
    from pyhessian import hessian

    solver = hessian(network, Loss(), dataloader=batches, cuda=False)
    plain, count = solver.dataloader_hv_product, 0

    def counted(vector):
        nonlocal count
        count += 1
        return plain(vector)

    solver.dataloader_hv_product = counted
    values, vectors = solver.eigenvalues(top_n=k)
    return np.array(values), np.stack([flatten(v).numpy() for v in vectors]), count


METHODS = {
    "normscope": normscope,
    "double backward, eigsh": article,
    "curvlinops, eigsh": curvlinops,
    "PyHessian": pyhessian,
}


def worst_residual(network, batches, values, vectors) -> float:
    """The largest ||H v - lambda v|| / |lambda|, in float64."""
    network = network.double()
    batches = [(images.double(), labels) for images, labels in batches]
    residuals = []
    for value, vector in zip(values, torch.from_numpy(vectors).double(), strict=True):
        vector /= vector.norm()
        rest = product(network, batches, vector) - value * vector
        residuals.append((rest.norm() / abs(value)).item())
    return max(residuals)


def measure(options) -> dict:
    """One method, once."""
    devices.prepare("cpu", options.threads)
    folder = Path(options.results)
    dataset = datasets.load(str(folder / "dataset.h5"))
    batches = datasets.fixed_batches(dataset, 0, 256, options.images)
    path = folder / f"seed0/{options.network}/network.pt"
    network = networks.prepare_analysis(
        networks.load(str(path))[0], torch.device("cpu")
    )
    weights = list(network.parameters())
    seconds = []
    for images, labels in batches * 2:
        start = perf_counter()
        torch.autograd.grad(Loss()(network(images), labels), weights)
        seconds.append(perf_counter() - start)
    gradient = np.median(seconds) * len(batches)
    start = perf_counter()
    values, vectors, count = METHODS[options.method](
        network, batches, options.k, options.tolerance
    )
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {
        "method": options.method,
        "network": options.network,
        "images": options.images,
        "k": options.k,
        "products": count,
        "seconds": seconds,
        "gradients_per_product": seconds / count / gradient,
        "peak_gb": peak,
    }
    if options.residuals:
        row["worst_residual"] = worst_residual(network, batches, values, vectors)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--network", default="frozen_batch_norm")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--residuals", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.method:
        print(json.dumps(measure(options)))
        return
    rows = []
    for number in range(options.rounds):
        for method in options.methods:
            command = [sys.executable, *sys.argv, "--method", method]
            command += ["--residuals"] if number == 0 else []
            done = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, check=True
            )
            rows.append(
                {"round": number + 1, **json.loads(done.stdout.splitlines()[-1])}
            )
            print(rows[-1], flush=True)
    write(pd.DataFrame(rows))


def write(rows: pd.DataFrame) -> None:
    """Medians over the rounds, with the ratio of seconds to normscope's."""
    groups = rows.groupby(["network", "images", "k", "method"], sort=False)
    table = groups.median(numeric_only=True).drop(columns="round").reset_index()
    ours = table[table.method == "normscope"].seconds
    if len(ours):
        table["ratio_to_normscope"] = table.seconds / ours.iloc[0]
    folder = Path("benchmarks")
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "eigensolver.csv", index=False)
    table.to_json(folder / "eigensolver.json", orient="records", indent=2)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
