"""Jobs on small files that tests of what configs/beyond.yaml measures share."""

import pandas as pd

import keep_checkpoints

TRAINING = {
    "batch_size": 6, "epochs": 2, "peak_epoch": 4, "end_epoch": 20, "momentum": 0.9,
    "weight_decay": 1e-4, "smoothing": 0.5,
}  # fmt: skip
EPOCHS = [0, 2, 3]
LOOKED = {"images": 12, "batch_size": 12, "tolerance": 1e-3}


def variant(norm):
    """The line of a network in the config."""
    return {"norm": norm, "norm_position": "before_activation", "max_lr": 0.1}


def checkpoints_in(folder, job, dataset, norm="batch"):
    """Run keep_checkpoints; return the paths of its files."""
    paths = [str(folder / f"checkpoints/epoch{n}.pt") for n in EPOCHS]
    params = {
        "variant": variant(norm),
        "training": TRAINING,
        "network": {"widths": [2, 3], "activation": "softplus"},
        "checkpoints": EPOCHS,
    }
    place = {"seed": "0", "network": "mine"}
    output = {"checkpoints": paths}
    given = {"dataset": dataset}
    keep_checkpoints.main(job("keep_checkpoints", given, output, params, **place))
    return paths


def table_of(script, job, files, output, params):
    """Run a script whose output of that name is a CSV; return the table."""
    place = {"seed": "0", "network": "mine"}
    script.main(job(script.__name__, files, output, params, **place))
    (path,) = output.values()
    return pd.read_csv(path)
