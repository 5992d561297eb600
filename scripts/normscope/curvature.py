"""A job's Hessian, and the file of an operator's leading eigenpairs."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

from torch import Tensor

from normscope import datasets, devices, networks, store
from normscope.hessian import Hessian, mean_loss
from normscope.job import Refused, progress
from normscope.krylov import Operator
from normscope.lanczos import Eigenpairs, leading_eigenpairs
from normscope.provenance import facts
from normscope.resume import State
from normscope.training import smoothed_cross_entropy


def hessian_of(job: SimpleNamespace) -> tuple[Hessian, dict]:
    """The Hessian of the job's network on its seed's fixed batches, and its facts."""
    settings = job.params.hessian
    device = devices.prepare(job.config["device"], job.threads)
    if settings["precision"] == "tf32":
        devices.allow_tf32(device)
    dataset = datasets.load(job.input.dataset).to(device)
    batches = datasets.fixed_batches(
        dataset,
        int(job.wildcards.seed),
        settings["batch_size"],
        settings["images"],
    )
    network = networks.load(job.input.network, len(dataset.classes))[0]
    network = networks.prepare_analysis(network, device)
    dimension = sum(weight.numel() for weight in network.parameters())
    if settings["k"] >= dimension:
        raise Refused(
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
    settings = job.params.hessian
    start = perf_counter()
    name = Path(output).stem
    bar = progress(None, f"{job.wildcards.network} {name}", "products")

    def report(matvecs: int, residuals: Tensor) -> None:
        converged = int((residuals <= settings["tolerance"]).sum())
        progress_made = f"{converged} of {k} pairs converged"
        bar.set_postfix_str(progress_made)
        bar.update()
        if matvecs % 10 == 0:
            seconds = perf_counter() - start
            print(f"{name}: {matvecs} products, {seconds:.1f} s, {progress_made}")

    found = state.load()
    if found and "eigenvalues" in found:
        pairs = Eigenpairs(**found)
    else:
        pairs = leading_eigenpairs(
            operator,
            k,
            settings["tolerance"],
            devices.generator(int(job.wildcards.seed), "lanczos"),
            report,
            state,
            settings["starts"],
        )
        state.save(asdict(pairs))
    bar.close()
    seconds = perf_counter() - start
    print(f"{name}: done, {pairs.matvecs} products, {seconds:.1f} s")
    store.write(
        output,
        {
            "eigenvalues": pairs.eigenvalues.numpy(),
            "eigenvectors": pairs.eigenvectors.cpu().numpy(),
            "residual_norms": pairs.residual_norms.numpy(),
        },
        attributes | {"matvecs": pairs.matvecs, "seconds": seconds},
    )
