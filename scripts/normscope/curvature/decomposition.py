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
from normscope.curvature.hessian import Hessian, Projected, mean_loss
from normscope.curvature.krylov import Operator
from normscope.curvature.lanczos import TINY, Eigenpairs, leading_eigenpairs
from normscope.job import UserError, progress
from normscope.networks.losses import smoothed_cross_entropy
from normscope.networks.parameters import flatten
from normscope.provenance import facts
from normscope.resume import State

LAYOUT = {
    "eigenvalues": ("k", "of the mean loss over a batch, averaged over the batches"),
    "eigenvectors": ("k P", "unit rows, ordered as the eigenvalues"),
    "residual_norms": ("k", "||Hv - lambda v|| / |lambda|, Hv from a fresh product"),
}
PROJECTED_LAYOUT = LAYOUT | {
    "residual_norms": ("k", "||Av - lambda v|| / |lambda| by the Lanczos relation"),
}


def hessian_of(job: SimpleNamespace) -> tuple[Hessian, dict]:
    """The Hessian of the job's network on its seed's fixed batches, and its facts."""
    settings = job.params.hessian
    this = open_analysis(job, settings["batch_size"], settings["images"])
    device, network, batches = this.device, this.network, this.batches
    if settings["precision"] == "tf32":
        devices.allow_tf32(device)
    dimension = sum(weight.numel() for weight in network.parameters())
    if settings["k"] >= dimension:
        raise UserError(
            f"config key hessian.k: {settings['k']} eigenpairs of {dimension} "
            "parameters; lower k"
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
        memory_gb = devices.free_gigabytes(device, job) / 2
    return Hessian(network, loss, batches, memory_gb), attributes


def write_eigenpairs(
    job: SimpleNamespace, hessian: Hessian, output: str, attributes: dict, state: State
) -> None:
    """Find the leading eigenpairs of the Hessian, check them, and write their file.

    A job that is killed after the search does not search again, nor check again after
    the checks, whatever it works on by then.
    """
    start = perf_counter()
    k = job.params.hessian["k"]
    pairs, checks = _found_eigenpairs(job, hessian, k, output, state)
    if not checks:
        rng = devices.generator(int(job.wildcards.seed), "common shift")
        shifted = hessian(common_shift(hessian, rng)).norm().item()
        checks = {
            "residual_norms": fresh_residuals(hessian, pairs),
            "common_shift": shifted / pairs.eigenvalues.abs().max().item(),
        }
        state.save(asdict(pairs) | {"checks": checks})
    pairs = replace(pairs, residual_norms=checks["residual_norms"])
    attributes = attributes | {
        "common_shift": checks["common_shift"],
        "seconds": perf_counter() - start,
    }
    _write(output, LAYOUT, pairs, attributes)


def write_projected_eigenpairs(
    job: SimpleNamespace,
    hessian: Hessian,
    rows: Float[Tensor, "m {hessian.dimension}"],
    output: str,
    attributes: dict,
    state: State,
) -> None:
    """The same for the Hessian off the span of the orthonormal rows, unchecked."""
    start = perf_counter()
    settings = job.params.hessian
    count = settings["projected_k"] or settings["k"]
    operator = Projected(hessian, rows)
    pairs, _ = _found_eigenpairs(job, operator, count, output, state)
    attributes = attributes | {
        "projected_dimensions": len(rows),
        "seconds": perf_counter() - start,
    }
    _write(output, PROJECTED_LAYOUT, pairs, attributes)


def common_shift(hessian: Hessian, rng: torch.Generator) -> Float[Tensor, " P"]:
    """The unit vector that adds one random direction to the classifier's rows of all
    classes. It shifts all logits of an image alike, which the loss does not see: an
    exact null vector of the Hessian.
    """
    *others, last = hessian.parameters.values()
    direction = torch.randn(last.shape[1:], generator=rng).to(last)
    zeros = [torch.zeros_like(value) for value in others]
    shift = flatten([*zeros, direction.expand_as(last)])
    return shift / shift.norm()


def fresh_residuals(operator: Operator, pairs: Eigenpairs) -> Float64[Tensor, " k"]:
    """||A v - lambda v|| / |lambda| of each pair, by a product of its own."""
    rests = [
        (operator(vector) - value * vector).norm().item() / max(abs(value), TINY)
        for value, vector in zip(
            pairs.eigenvalues.tolist(), pairs.eigenvectors, strict=True
        )
    ]
    return torch.tensor(rests, dtype=torch.float64)


def _found_eigenpairs(
    job: SimpleNamespace, operator: Operator, k: int, output: str, state: State
) -> tuple[Eigenpairs, dict]:
    """The k leading eigenpairs of the operator: those in the state, with their checks
    if these are made, or else searched for and kept in it.
    """
    start, name = perf_counter(), Path(output).stem
    found = state.load() or {}
    checks = found.pop("checks", {})
    if "eigenvalues" in found:
        return Eigenpairs(**found), checks
    pairs = _leading_eigenpairs(job, operator, k, name, state)
    state.save(asdict(pairs))
    seconds = perf_counter() - start
    print(f"{name}: done, {pairs.matvecs} products, {seconds:.1f} s")
    return pairs, {}


def _write(
    output: str, layout: store.Layout, pairs: Eigenpairs, attributes: dict
) -> None:
    """Write the file of the eigenpairs."""
    store.write(
        output,
        layout,
        {
            "eigenvalues": pairs.eigenvalues.numpy(),
            "eigenvectors": pairs.eigenvectors.cpu().numpy(),
            "residual_norms": pairs.residual_norms.numpy(),
        },
        attributes | {"matvecs": pairs.matvecs},
    )


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
