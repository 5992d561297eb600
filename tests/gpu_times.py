"""Times of training, moment gradients, Hessian products and eigenpairs on a device.

On drawn images, by normscope and by its peers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from math import inf
from statistics import median
from time import perf_counter

import numpy as np
import torch
from eigensolvers import (
    TOLERANCE,
    Loss,
    compiled_curvlinops,
    curvlinops_operator,
    product,
    scipy_pairs,
    worst_residual,
)

from normscope import devices
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.images import datasets, textures
from normscope.networks import batch_statistics, conv_net, files, training
from normscope.outputs import moments
from normscope.resume import State

EPOCH = 50_000  # images
MOMENT_BATCHES = 2
PATIENCE = 120  # seconds for each network, after which no further round begins
OPTIMISER = {"epochs": 1, "momentum": 0.9, "weight_decay": 1e-4}
RATE = 0.02

Works = Mapping[tuple[str, str], Callable[[], dict]]  # by network and method


class Forgetful(State):
    """Of a job that is never gone on with."""

    def __init__(self) -> None:
        pass

    def load(self) -> None:
        return None

    def save(self, state: dict) -> None:
        pass


@dataclass(frozen=True)
class Sizes:
    """Of the network, of what is measured, and of how often."""

    widths: tuple[int, ...]
    train_batch: int
    steps: int
    batch: int
    batches: int
    k: int
    rounds: int


ARTICLE = Sizes((64, 128, 256, 512), 512, 10, 256, 5, 10, 5)
TINY = Sizes((2, 3), 16, 2, 8, 2, 2, 1)


def measurements(sizes: Sizes, device: torch.device) -> Iterator[dict]:
    """A row for each task, network and method, as soon as it is measured."""
    turns = partial(in_turns, rounds=sizes.rounds, device=device)
    dataset = drawn(sizes).to(device)
    trained = {norm: built(norm, sizes).to(device) for norm in ("batch", "none")}
    works = {
        (norm, "normscope"): partial(train, network, dataset, sizes)
        for norm, network in trained.items()
    }
    yield from map(extrapolated, turns("training", works))
    count = sizes.batch * sizes.batches
    batches = datasets.fixed_batches(dataset, 0, sizes.batch, count)
    active, frozen = (built("batch", sizes).to(device) for _ in range(2))
    for network in (active, frozen):
        network.load_state_dict(trained["batch"].state_dict())
    batch_statistics.refresh(frozen, [images for images, _ in batches])
    for name, network in {"active": active, "frozen": frozen.eval()}.items():
        network = files.prepare_analysis(network, device)
        yield from analysed(name, network, batches, sizes.k, turns)


def analysed(
    name: str, network: torch.nn.Module, batches: list, k: int, turns: Callable
) -> Iterator[dict]:
    """The rows of one network's moment gradients, products and k eigenpairs."""
    end = perf_counter() + PATIENCE
    few = batches[:MOMENT_BATCHES]
    works = {(name, "normscope"): partial(differentiate, network, few)}
    yield from map(extrapolated, turns("moment gradients", works))
    methods = products(network, batches)
    works = {
        (name, method): partial(multiply, matvec, network, batches)
        for method, matvec in methods.items()
    }
    yield from turns("Hessian product", works)
    # Without ours, whose memory the next ones take.
    methods = {key: methods[key] for key in methods if "normscope" not in key}
    works = {
        (name, method): work
        for method, work in solvers(network, batches, methods, k).items()
    }
    for row in turns(f"{k} eigenpairs", works, warm=0, end=end):
        if "pairs" in row:
            row["residual"] = worst_residual(network, batches, *row.pop("pairs"))
        yield row


def in_turns(
    task: str,
    works: Works,
    rounds: int,
    device: torch.device,
    warm: int = 1,
    end: float = inf,
) -> Iterator[dict]:
    """The row of each of the works: median seconds, and what its last call gave.

    The first `warm` rounds do not count; after `end` no further one begins. A peer that
    fails has a row that says so.
    """
    seconds, given = {key: [] for key in works}, {key: {} for key in works}
    failed: dict[tuple[str, str], str] = {}
    for number in range(-warm, rounds):
        for key in [key for key in works if key not in failed]:
            try:
                start = finished(device)
                given[key] = works[key]()
                taken = finished(device) - start
            except Exception as error:
                if "normscope" in key[1]:
                    raise
                failed[key] = f"failed: {type(error).__name__}"
            else:
                seconds[key] += [taken] if number >= 0 else []
        if number >= 0 and perf_counter() > end:
            break
    for (network, method), taken in seconds.items():
        row = {"task": task, "network": network, "method": method, "rounds": len(taken)}
        row |= given[network, method] | {"note": failed.get((network, method), "")}
        if taken:
            row["seconds"] = median(taken)
        yield row


def extrapolated(row: dict) -> dict:
    """The row with the seconds that 50,000 images would take at this rate."""
    return row | {"seconds_of_50000": row["seconds"] * EPOCH / row["images"]}


def finished(device: torch.device) -> float:
    """The time at which the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return perf_counter()


def drawn(sizes: Sizes) -> datasets.Dataset:
    """Drawn images, as many as are looked at; ten of them are the test split."""
    count = max(sizes.train_batch * sizes.steps, sizes.batch * sizes.batches)
    images, labels = textures.draw(count, np.random.default_rng(0))
    mean, std = (
        torch.tensor(f(images, axis=(0, 2, 3)), dtype=torch.float32)
        for f in (np.mean, np.std)
    )
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    train = datasets.Split(images, labels)
    test = datasets.Split(images[:10], labels[:10])
    return datasets.Dataset(train, test, list(textures.CLASSES), mean, std)


def built(norm: str, sizes: Sizes) -> torch.nn.Sequential:
    """The network with fresh weights."""
    architecture = conv_net.Architecture(sizes.widths, len(textures.CLASSES), norm=norm)
    network = conv_net.build(architecture, devices.generator(0, "weights"))
    return network.to(memory_format=torch.channels_last)


def train(network: torch.nn.Module, dataset: datasets.Dataset, sizes: Sizes) -> dict:
    """Some steps of training."""
    rows = training.train(
        network,
        dataset,
        Loss(),
        lambda epoch: RATE,
        OPTIMISER | {"batch_size": sizes.train_batch},
        devices.generator(0, "augmentation"),
        Forgetful(),
    )
    next(rows)
    return {"images": sizes.train_batch * sizes.steps}


def differentiate(network: torch.nn.Module, batches: list) -> dict:
    """The gradients of all moments over the batches."""
    moments.moment_gradients(network, batches)
    return {"images": image_count(batches)}


def products(network: torch.nn.Module, batches: list) -> dict[str, Callable]:
    """H v of the network, as a function of v, by each method that is installed."""
    device = batches[0][0].device
    hessian = Hessian(network, Loss(), batches, room(device))
    found = {"normscope": hessian}
    if device.type == "cuda":
        found["normscope, tf32"] = partial(with_tf32, device, hessian)
    found["double backward"] = partial(product, network, batches)
    if find_spec("curvlinops"):
        eager = curvlinops_operator(network, batches)
        compiled = cache(partial(compiled_curvlinops, network, batches))
        found["curvlinops"] = eager.__matmul__
        found["curvlinops, compiled"] = lambda vector: compiled() @ vector
    return found


def multiply(matvec: Callable, network: torch.nn.Module, batches: list) -> dict:
    """One product."""
    matvec(torch.ones(dimension(network), device=batches[0][0].device))
    return {"images": image_count(batches)}


def solvers(
    network: torch.nn.Module, batches: list, peers: Mapping[str, Callable], k: int
) -> dict[str, Callable]:
    """Ways to its k leading eigenpairs, those of `peers` by scipy."""
    device = batches[0][0].device
    ours = partial(leading, network, batches, k)
    found = {"normscope": ours}
    if device.type == "cuda":
        found["normscope, tf32"] = partial(with_tf32, device, ours)
    for method, matvec in peers.items():
        found[f"{method} + eigsh"] = partial(arpack, matvec, network, batches, k)
    return found


def leading(network: torch.nn.Module, batches: list, k: int) -> dict:
    """Eigenpairs by normscope, its operator's preparation included."""
    hessian = Hessian(network, Loss(), batches, room(batches[0][0].device))
    rng = devices.generator(0, "lanczos")
    pairs = leading_eigenpairs(hessian, k, TOLERANCE, rng)
    return {
        "images": image_count(batches),
        "products": pairs.matvecs,
        "pairs": (pairs.eigenvalues.numpy(), pairs.eigenvectors.cpu().numpy()),
    }


def arpack(matvec: Callable, network: torch.nn.Module, batches: list, k: int) -> dict:
    """Eigenpairs by scipy, which computes on the CPU between the products."""
    device = batches[0][0].device

    def on_host(vector):
        return matvec(torch.from_numpy(vector).float().to(device)).cpu().numpy()

    values, vectors, calls, _ = scipy_pairs(on_host, dimension(network), k)
    images = image_count(batches)
    return {"images": images, "products": calls, "pairs": (values, vectors)}


def with_tf32(device: torch.device, work: Callable, *arguments: object) -> object:
    """What the work gives where products may round their factors to 10 bits."""
    devices.allow_tf32(device)
    try:
        return work(*arguments)
    finally:
        devices.prepare(device.type, torch.get_num_threads())


def room(device: torch.device) -> float:
    """Gigabytes for what a Hessian keeps: half of what the device has free."""
    if device.type != "cuda":
        return 1.0
    torch.cuda.empty_cache()
    return devices.free_gigabytes(device, None) / 2


def dimension(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def image_count(batches: list) -> int:
    return sum(len(labels) for _, labels in batches)
