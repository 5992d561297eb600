"""One network on its way through training: checkpoints/epoch<n>.pt.

It is trained again, by the same steps as network.pt, as far as the last checkpoint.
"""

from functools import partial
from math import isfinite
from pathlib import Path

from normscope import devices
from normscope.analysis import open_data
from normscope.job import UserError, log_to, progress
from normscope.networks import checkpoints, files, losses, placing, schedules, training
from normscope.provenance import facts
from normscope.resume import resumable
from train_network import build


def main(job):
    seed, name = int(job.wildcards.seed), job.wildcards.network
    variant, settings = job.params.variant, job.params.training
    epochs = job.params.checkpoints
    device, dataset = open_data(job)
    architecture, network = build(job, dataset, seed)
    placing.place(network, device)
    schedule = schedules.piecewise_linear(
        [0, settings["peak_epoch"], settings["end_epoch"]],
        [0.0, variant["max_lr"], 0.0],
    )
    bar = progress(max(epochs), name, "epochs")
    with resumable(job, job.output.checkpoints[0]) as state:
        kept = checkpoints.Kept(state, epochs, network)
        for row in training.train(
            network,
            dataset,
            partial(losses.smoothed_cross_entropy, smoothing=settings["smoothing"]),
            schedule,
            settings | {"epochs": max(epochs)},
            devices.generator(seed, "augmentation"),
            kept,
        ):
            print("  ".join(f"{column} {value:.5g}" for column, value in row.items()))
            if not isfinite(row["train_loss"] + row["test_loss"]):
                raise UserError(
                    f"{name} diverged: at seed {seed} its loss is not finite in epoch "
                    f"{row['epoch']}; lower config key networks.{name}.max_lr"
                )
            bar.update()
        bar.close()
        for path in job.output.checkpoints:
            epoch = int(Path(path).stem.removeprefix("epoch"))
            found = kept.found[epoch]
            network.load_state_dict(found["state"])
            about = {"epoch": epoch, "learning_rate": found["learning_rate"]}
            about |= {"velocity": found["velocity"].cpu()}
            files.save(
                path,
                network,
                architecture,
                facts(job, devices.describe(device)) | about,
            )


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
