"""A job's Hessian, and the file of an operator's leading eigenpairs."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.curvature.hessian import GIGABYTE, Hessian, mean_loss
from normscope.curvature.krylov import Operator
from normscope.curvature.lanczos import (
    TINY,
    Eigenpairs,
    largest_basis,
    leading_eigenpairs,
)
from normscope.curvature.tracing import CLOSE, Whole
from normscope.job import UserError, progress
from normscope.networks.losses import smoothed_cross_entropy
from normscope.networks.parameters import flatten, perturbed, trainable
from normscope.provenance import facts
from normscope.resume import State

LAYOUT = {
    "eigenvalues": ("k", "of the mean loss over a batch, averaged over the batches"),
    "eigenvectors": ("k P", "unit rows, ordered as the eigenvalues"),
    "residual_norms": ("k", "||Hv - lambda v|| / |lambda|, Hv from a fresh product"),
}


def hessian_of(job: SimpleNamespace) -> tuple[Hessian, dict]:
    """The Hessian of the job's network on its seed's fixed batches, and its facts."""
    settings = job.params.hessian
    this = open_analysis(job, settings["batch_size"], settings["images"])
    device, network, batches = this.device, this.network, this.batches
    if settings["precision"] == "tf32":
        devices.allow_tf32(device)
    dimension = sum(weight.numel() for weight in trainable(network).values())
    if settings["k"] >= dimension:
        raise UserError(
            f"config key hessian.k: {settings['k']} eigenpairs of {dimension} "
            "parameters; lower k"
        )
    vectors = largest_basis(settings["k"], dimension)
    needed = vectors * dimension * torch.float32.itemsize / GIGABYTE
    free = devices.free_gigabytes(device, job)
    if needed > free:
        raise UserError(
            f"config key hessian.k: for {settings['k']} eigenpairs {vectors} vectors "
            f"of {dimension} parameters are held, {needed:.2g} GB, and {free:.2g} are "
            "free; lower k, or take a device with more memory"
        )
    loss = partial(smoothed_cross_entropy, smoothing=job.params.smoothing)
    attributes = facts(job, devices.describe(device)) | {
        "loss": mean_loss(network, loss, batches),
        "images": len(batches) * settings["batch_size"],
        "batch_size": settings["batch_size"],
        "tolerance": settings["tolerance"],
        "precision": settings["precision"],
    }
    memory_gb = job.config["hessian"]["memory_gb"]
    if memory_gb is None:
        memory_gb = free / 2
    return Hessian(network, loss, batches, memory_gb), attributes


def write_leading_eigenpairs(
    job: SimpleNamespace,
    operator: Operator,
    k: int,
    output: str,
    attributes: dict,
    state: State,
) -> None:
    """Find the k leading eigenpairs of the operator and write their file.

    Their residuals are those of fresh products. A job that is killed later neither
    searches nor checks again.
    """
    start, name = perf_counter(), Path(output).stem
    found = state.load() or {}
    if "eigenvalues" in found:
        pairs = Eigenpairs(**{key: found[key] for key in found if key != "fresh"})
    else:
        pairs = _leading_eigenpairs(job, operator, k, name, state)
        state.save(asdict(pairs))
    if "fresh" not in found:
        pairs = replace(pairs, residual_norms=fresh_residuals(operator, pairs))
        state.save(asdict(pairs) | {"fresh": True})
    seconds = perf_counter() - start
    print(f"{name}: done, {pairs.matvecs} products, {seconds:.1f} s")
    store.write(
        output,
        LAYOUT,
        {
            "eigenvalues": pairs.eigenvalues.numpy(),
            "eigenvectors": pairs.eigenvectors.cpu().numpy(),
            "residual_norms": pairs.residual_norms.numpy(),
        },
        attributes | {"matvecs": pairs.matvecs, "seconds": seconds},
    )


def common_shift(hessian: Hessian, rng: torch.Generator) -> Float[Tensor, " P"] | None:
    """The unit vector that adds one random direction to the rows of all classes, in the
    network's last parameter. It shifts all logits of an image alike, which the loss
    does not see: an exact null vector of the Hessian.

    None where a step along it does something else, as the last parameter need not be a
    classifier's.
    """
    *others, last = hessian.parameters.values()
    direction = torch.randn(last.shape[1:], generator=rng).to(last)
    zeros = [torch.zeros_like(value) for value in others]
    shift = flatten([*zeros, direction.expand_as(last)])
    shift /= shift.norm()
    images = hessian.batches[0][0]
    network = Whole(hessian.network)
    with torch.no_grad():
        after = network(perturbed(hessian.parameters, shift, 1.0), images)
        steps = after - network(hessian.parameters, images)
    unlike = (steps - steps.mean(1, keepdim=True)).norm()
    return shift if steps.norm() > 0 and unlike <= CLOSE * steps.norm() else None


def fresh_residuals(operator: Operator, pairs: Eigenpairs) -> Float64[Tensor, " k"]:
    """||A v - lambda v|| / |lambda| of each pair, by a product of its own."""
    rests = [
        (operator(vector) - value * vector).norm().item() / max(abs(value), TINY)
        for value, vector in zip(
            pairs.eigenvalues.tolist(), pairs.eigenvectors, strict=True
        )
    ]
    return torch.tensor(rests, dtype=torch.float64)


def _leading_eigenpairs(
    job: SimpleNamespace, operator: Operator, k: int, name: str, state: State
) -> Eigenpairs:
    """As lanczos does, telling the terminal and the log how far it is."""
    settings, start = job.params.hessian, perf_counter()
    bar = progress(None, f"{job.wildcards.network} {name}", "products")

    def report(matvecs: int, residuals: Float[Tensor, " k"]) -> None:
        converged = int((residuals <= settings["tolerance"]).sum())
        progress_made = f"{converged} of {k} pairs converged"
        bar.set_postfix_str(progress_made)
        bar.update()
        if matvecs % 10 == 0:
            seconds = perf_counter() - start
            print(f"{name}: {matvecs} products, {seconds:.1f} s, {progress_made}")

    pairs = leading_eigenpairs(
        operator,
        k,
        settings["tolerance"],
        devices.generator(int(job.wildcards.seed), "lanczos"),
        report,
        state,
        settings["starts"],
    )
    bar.close()
    return pairs
