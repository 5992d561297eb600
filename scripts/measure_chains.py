"""Channel statistics of many untrained chains of one kind: chains/<experiment>.h5."""

import torch

from normscope import devices, store
from normscope.job import log_to
from normscope.networks import chains
from normscope.outputs import channels
from normscope.provenance import facts


def main(job):
    experiment, images = job.params.experiment, job.params.images
    # Weights are drawn on the CPU, which takes as long as using them there does.
    device = devices.prepare("cpu", job.threads)
    numbers = sorted(n for n in experiment["layers"] if n <= experiment["depth"])
    layers = [f"fc{number}" for number in numbers]
    arrays = measure(experiment, images, job.params.chains, layers)
    store.write(
        job.output.statistics,
        channels.SUMMARY,
        {name: values.numpy() for name, values in arrays.items()},
        facts(job, devices.describe(device))
        | {
            "experiment": job.wildcards.experiment,
            "width": experiment["width"],
            "depth": experiment["depth"],
            "images": images,
            "layers": layers,
        },
    )


def measure(experiment, images, count, layers) -> dict[str, torch.Tensor]:
    """Each number of channels.SUMMARY at these layers, of as many chains: (chains,).

    They are not those that `measure_initialisation` looks at in any seed.
    """
    found: dict[str, list[torch.Tensor]] = {}
    for number in range(count):
        rng = devices.generator(number, "one of many chains")
        inputs = torch.randn(images, experiment["width"], generator=rng)
        for layer, outputs in chains.layers_in_turn(
            experiment["depth"],
            experiment["activation"],
            inputs,
            rng,
        ):
            if layer in layers:
                for name, value in channels.summary(outputs).items():
                    found.setdefault(f"{layer}/{name}", []).append(value)
    return {name: torch.stack(values) for name, values in found.items()}


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
