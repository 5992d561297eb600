"""Channel statistics of one untrained network: initialisation/<experiment>.h5."""

import torch
from torch import Tensor, nn

from normscope import devices, store
from normscope.images import datasets
from normscope.job import log_to
from normscope.networks import batch_statistics, chains, conv_net
from normscope.outputs import activations, channels
from normscope.provenance import facts

LAYOUT = channels.LAYOUT | {
    "singular_values/*": ("W", "of the map from the inputs to a layer, descending"),
    "*/largest_share": ("S", "of values, by the channel that is the largest there"),
    "*/variance_between": ("", "variance of the channels' means"),
    "*/variance_within": ("", "mean of the channels' variances"),
    "*/dependence_on_batch": (
        "",
        "largest change of any logit when the other half of its batch is replaced, in "
        "standard deviations of all logits",
    ),
}


def main(job):
    seed, experiment = int(job.wildcards.seed), job.params.experiment
    device = devices.prepare(job.config["device"], job.threads)
    if "depth" in experiment:
        network, inputs = build_chain(experiment, job.params.images, seed)
    else:
        dataset = datasets.load(job.input.dataset)
        network, inputs = build_conv(
            experiment, job.params.widths, job.params.images, seed, dataset
        )
    network, inputs = network.to(device), inputs.to(device)
    names = [name for name, _ in network.named_children()]
    drawn = [f"fc{n}" for n in experiment["layers"]] if "depth" in experiment else names
    arrays = measure_layers(network, inputs, drawn)
    if experiment.get("activation") == "linear":
        # There is no float64 on mps.
        on_cpu = network.cpu() if device.type == "mps" else network
        values = chains.singular_values(on_cpu, experiment["layers"])
        arrays |= store.nested(values, "singular_values")
    if "depth" not in experiment:
        arrays[f"{names[-1]}/dependence_on_batch"] = dependence_on_batch(
            network, inputs
        )
    store.write(
        job.output.statistics,
        LAYOUT,
        {name: values.cpu().numpy() for name, values in arrays.items()},
        facts(job, devices.describe(device))
        | {
            "experiment": job.wildcards.experiment,
            "images": len(inputs),
            "layers": names,
        },
    )


def build_chain(experiment, images, seed) -> tuple[nn.Sequential, Tensor]:
    """The fully connected chain of the experiment, and its Gaussian inputs."""
    width = experiment["width"]
    network = chains.build(
        experiment["depth"],
        width,
        experiment["activation"],
        devices.generator(seed, "weights"),
    )
    rng = devices.generator(seed, "inputs")
    return network, torch.randn(images, width, generator=rng)


def build_conv(
    experiment, widths, images, seed, dataset
) -> tuple[nn.Sequential, Tensor]:
    """The conv net of the experiment with its norm frozen or active, and its inputs.

    Its weights are those that training starts from. Frozen batch norm has the
    statistics of an equal number of other inputs of the same kind.
    """
    architecture = conv_net.Architecture(
        widths=tuple(widths),
        activation="relu",
        classes=len(dataset.classes),
        norm=experiment["norm"],
        norm_position=experiment["norm_position"],
        size=dataset.size,
    )
    network = conv_net.build(architecture, devices.generator(seed, "weights"))
    count = 2 * images if experiment["frozen"] else images
    if experiment["inputs"] == "gaussian":
        rng = devices.generator(seed, "inputs")
        inputs = torch.randn(count, 3, dataset.size, dataset.size, generator=rng)
    else:
        batches = datasets.fixed_batches(dataset, seed, images, count, "initialisation")
        inputs = torch.cat([batch for batch, _ in batches])
    looked_at, *others = inputs.split(images)
    if experiment["frozen"]:
        batch_statistics.refresh(network, others)
        network.eval()
    return network, looked_at


@torch.no_grad()
def measure_layers(network, inputs, drawn) -> dict[str, Tensor]:
    """The data sets of initialisation/<experiment>.h5, by name.

    Statistics of its channels and of all its values as one channel, the split of the
    variance, and the shares of the channels that are the largest; densities of the
    `drawn` layers.
    """
    arrays = {}

    def look(layer: str, outputs: Tensor) -> None:
        statistics = channels.channel_statistics(outputs)
        statistics |= channels.variance_split(statistics)
        statistics["largest_share"] = channels.largest_shares(outputs)
        values = outputs.reshape(-1, 1)
        pooled = channels.channel_statistics(values)
        if layer in drawn:
            statistics |= channels.channel_densities(outputs)
            pooled |= channels.channel_densities(values)
        statistics |= store.nested(pooled, "pooled")
        arrays.update(store.nested(statistics, layer))

    activations.pass_through(network, inputs, look)
    return arrays


@torch.no_grad()
def dependence_on_batch(network, inputs) -> Tensor:
    """How far the logits of half of a batch depend on the other half.

    The largest change of any logit of the first half when copies of that half stand
    where the second half stood, in standard deviations of all logits.
    """
    logits = network(inputs)
    second = len(inputs) // 2
    first = len(inputs) - second
    others = network(torch.cat([inputs[:first], inputs[:second]]))
    return (others - logits)[:first].abs().max() / logits.std()


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
