"""A job's Hessian, and the file of an operator's leading eigenpairs."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

from jaxtyping import Float
from torch import Tensor

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.curvature.hessian import Hessian, mean_loss
from normscope.curvature.krylov import Operator
from normscope.curvature.lanczos import Eigenpairs, leading_eigenpairs
from normscope.job import UserError, progress
from normscope.networks.losses import smoothed_cross_entropy
from normscope.provenance import facts
from normscope.resume import State

LAYOUT = {
    "eigenvalues": ("k", "of the mean loss over a batch, averaged over the batches"),
    "eigenvectors": ("k P", "unit rows, ordered as the eigenvalues"),
    "residual_norms": ("k", "||Hv - lambda v|| / |lambda| by the Lanczos relation"),
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


def write_leading_eigenpairs(
    job: SimpleNamespace,
    operator: Operator,
    k: int,
    output: str,
    attributes: dict,
    state: State,
) -> None:
    """Find the k leading eigenpairs of the operator and write their file.

    Once found they are kept in the state, so that a job that is killed while it works
    on another matrix does not look for them again.
    """
    start, name = perf_counter(), Path(output).stem
    found = state.load()
    if found and "eigenvalues" in found:
        pairs = Eigenpairs(**found)
    else:
        pairs = _leading_eigenpairs(job, operator, k, name, state)
        state.save(asdict(pairs))
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
