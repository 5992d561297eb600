"""walks.h5: what steps of many lengths along one direction do to the logits."""

import re
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from normscope import devices, store
from normscope.analysis import open_analysis
from normscope.job import UserError, log_to, progress
from normscope.networks import losses
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import walks
from normscope.outputs.activations import measure_layers
from normscope.outputs.channels import SHOWN, channel_statistics
from normscope.provenance import facts
from perturb_network import directions

WALKED = r"mean_\d|eigenvector_\d+"  # along the mean gradients of at most ten classes


def main(job):
    count = job.params.perturbation["images"]
    lengths = sorted(job.params.perturbation["walk_lengths"])
    this = open_analysis(job, count, count, "perturbation")
    loss = partial(losses.smoothed_cross_entropy, smoothing=job.params.smoothing)
    measure = partial(measure_layers, this.network, loss, this.batches[0], layers=[])
    parameters = detached(this.network)
    norm = flatten(parameters.values()).norm().item()
    found, groups = measure_walks(job, measure, parameters, norm, lengths)
    logits = {name: walk.pop("logits") for name, walk in found.items()}
    grid = walks.logit_grid(np.stack(list(logits.values())))
    arrays = {"lengths": np.array(lengths, dtype=float), "grid": grid}
    for name, walk in found.items():
        density = [walks.densities_on(grid, values) for values in logits[name]]
        walk["density"] = np.stack(density).astype(np.float32)
        arrays |= store.nested(walk, name)
        print(f"{name}  loss", *(f"{value:.4g}" for value in walk["loss"]))
    about = facts(job, devices.describe(this.device)) | {
        "classes": this.classes,
        "images": count,
        "parameter_norm": norm,
    }
    store.write(job.output.walks, walks.LAYOUT, arrays, about, groups)


def measure_walks(
    job, measure, parameters, norm, lengths
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, dict[str, int]]]:
    """What `outcome` gives after a step of each of the lengths along each direction,
    stacked, and the attributes of the directions' groups.

    `sign` is -1 where steps forwards go against the eigenvector of hessian.h5.
    """
    unmoved = outcome(measure, parameters, 0.0)
    bar = progress(None, job.wildcards.network, "steps")

    def along(direction) -> Callable[[float], dict[str, np.ndarray]]:
        @cache
        def after(length: float) -> dict[str, np.ndarray]:
            if length == 0:
                return unmoved
            bar.update()
            moved = perturbed(parameters, direction, length * norm)
            return outcome(measure, moved, length)

        return after

    found, groups = {}, {}
    for name, direction in directions(job, parameters):
        if not re.fullmatch(WALKED, name):
            continue
        after, sign = along(direction), 1
        if name.startswith("eigenvector"):
            sign = walks.uphill(after, lengths)
        steps = [after(sign * length) for length in lengths]
        found[name] = {key: np.stack([step[key] for step in steps]) for key in unmoved}
        groups[name] = {"sign": sign}
    bar.close()
    return found, groups


def outcome(measure, parameters, length) -> dict[str, np.ndarray]:
    """The `logits` (N, S) of the first classes with these parameters, and the `mean`,
    `loss`, `accuracy` and `predicted_share` of walks.h5.

    Raises UserError where a logit is not finite.
    """
    found, numbers = measure(parameters, length)
    logits = found["values"]
    if not logits.isfinite().all():
        raise UserError(
            f"after a step of {length:.3g} of the parameters' norm the logits are not "
            "finite; leave such long steps out of config key perturbation.walk_lengths"
        )
    on_device = {
        "logits": logits[:, :SHOWN],
        "mean": channel_statistics(logits)["mean"],
        "predicted_share": found["predicted_share"],
    }
    arrays = {name: values.cpu().numpy() for name, values in on_device.items()}
    return arrays | {name: np.array(numbers[name]) for name in ("loss", "accuracy")}


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
