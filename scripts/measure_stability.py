"""The learning rates at which full-batch training breaks, and those at which curvature
says that it does: stability.csv.

Nesterov's method from a trained network, on the Hessian's images: as it is, with a part
of each step removed, and with small batches of these images in its steps.
"""

from functools import partial
from math import nan

import pandas as pd
import torch

from normscope import devices, store
from normscope.curvature import breaking, decomposition
from normscope.curvature.hessian import Projected, mean_loss
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.curvature.subspaces import orthonormal
from normscope.job import UserError, atomic_write, log_to
from normscope.networks.parameters import detached, flatten
from normscope.networks.slopes import move_to, slope
from normscope.outputs import spans
from normscope.results.descent import stability_limit_with_momentum
from normscope.resume import resumable

PAIRS = 3  # off placebos, as the leading one may be below 0


def main(job):
    hessian, _ = decomposition.hessian_of(job)
    limit = stability_limit_with_momentum(job.params.momentum)
    rows = []
    with resumable(job, job.output.stability) as state:
        done = state.load() or {"curvatures": curvatures_of(job, hessian), "met": {}}
        state.save(done)
        for removed, (slope, *span) in parts(job, hessian).items():
            curvature = done["curvatures"][removed.partition("_")[0]]
            met = done["met"].setdefault(removed, {})
            save = partial(state.save, done)
            outcome = descents(job, hessian, slope, span, met, save)
            near = limit / abs(curvature)
            row = {
                "removed": removed,
                "lambda_1": curvature,
                "predicted": near if curvature > 0 else nan,
                "onset": breaking.lowest_rate(partial(asked, outcome, 0), near),
                "breaking": breaking.lowest_rate(partial(asked, outcome, 1), near),
            }
            print("  ".join(f"{key} {value}" for key, value in row.items()))
            rows.append(row)
        with atomic_write(job.output.stability) as path:
            pd.DataFrame(rows).to_csv(path, index=False)


def descents(job, hessian, slope, span, met, save):
    """What comes of a descent at a rate: [rises, breaks], from `met` if it is there.

    All start where the network is now.
    """
    start = flatten(detached(hessian.network).values()).clone()
    settings = job.params.momentum, job.params.stability["steps"], *span

    def outcome(rate: float) -> list[bool]:
        if rate not in met:
            losses = breaking.descend(start, slope, rate, *settings)
            found = breaking.outcome(losses)
            met[rate] = [found.rises, found.breaks]
            save()
            move_to(hessian.network, start)
        return met[rate]

    return outcome


def asked(outcome, place, rate) -> bool:
    """One of the two things that come of a descent."""
    return outcome(rate)[place]


def curvatures_of(job, hessian) -> dict[str, float]:
    """The largest of the leading eigenvalues of the Hessian, and of it off a span.

    The eigenvalue of largest magnitude can be negative; it then sets no limit, as steps
    along negative curvature lower the loss. The result is below 0 if all leading
    eigenvalues are.
    """
    files = {"none": job.input.eigenpairs}
    if job.params.removed:
        files |= {"mean": job.input.off_means, "all": job.input.projected}
    found = {
        name: store.read(path, "eigenvalues")[0]["eigenvalues"].max()
        for name, path in files.items()
    }
    if job.params.removed:
        rows = orthonormal(gradients_of(job, hessian)["placebo"]())
        pairs = leading_eigenpairs(
            Projected(hessian, rows),
            PAIRS,
            job.params.hessian["tolerance"],
            devices.generator(int(job.wildcards.seed), "lanczos"),
            starts=1,
        )
        found["placebo"] = pairs.eigenvalues.max()
    return {name: float(value) for name, value in found.items()}


def gradients_of(job, hessian):
    """What makes the rows of each span, at the network's parameters."""
    seed = int(job.wildcards.seed)
    signs = partial(devices.generator, seed, "stability placebo signs")
    of = hessian.network, hessian.batches
    return {
        "mean": partial(spans.mean_gradients, *of),
        "all": partial(spans.all_gradients, *of),
        "placebo": partial(spans.placebo_gradients, *of, signs),
    }


def parts(job, hessian):
    """By name, the slope that steps follow, what is taken off them, and after how many
    that is computed anew.
    """
    whole, small = partial(at, hessian), partial(at_small_batch, job, hessian)
    start = flatten(detached(hessian.network).values()).clone()
    found = {
        "none": (whole, breaking.no_span, None),
        "none_small_batches": (small, breaking.no_span, None),
    }
    if job.params.removed:
        for name, make in gradients_of(job, hessian).items():
            span = kept_at(start, partial(span_at, hessian.network, make))
            found[f"{name}_fixed"] = (whole, span, None)
            found[f"{name}_renewed"] = (whole, span, job.params.stability["renewal"])
    return found


def at(hessian, parameters, step):
    """Loss and gradient at the parameters."""
    move_to(hessian.network, parameters)
    return slope(hessian.network, hessian.loss, hessian.batches)


def at_small_batch(job, hessian, parameters, step):
    """Loss at the parameters, and the gradient on a batch as in training: some of the
    images, which are the same in a step of that number at every rate.
    """
    move_to(hessian.network, parameters)
    rng = devices.generator(int(job.wildcards.seed), "stability batch", step)
    images, labels = map(torch.cat, zip(*hessian.batches, strict=True))
    some = torch.randperm(len(labels), generator=rng)[: job.params.batch_size]
    batch = images[some.to(images.device)], labels[some.to(labels.device)]
    loss = mean_loss(hessian.network, hessian.loss, hessian.batches)
    return loss, slope(hessian.network, hessian.loss, [batch])[1]


def kept_at(start, span):
    """The span as a function of parameters, computed at the start only once."""
    first = None

    def at_parameters(parameters):
        nonlocal first
        if not torch.equal(parameters, start):
            return span(parameters)
        if first is None:
            first = span(parameters)
        return first

    return at_parameters


def span_at(network, make, parameters):
    """The rows at the parameters; not finite where the network's outputs overflow."""
    move_to(network, parameters)
    try:
        return make()
    except UserError:
        return torch.full_like(parameters[None], torch.nan)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
