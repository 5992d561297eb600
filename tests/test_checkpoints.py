"""Networks that are kept on their way through training."""

from functools import partial

import pytest
import torch
from beyond_jobs import TRAINING, checkpoints_in, variant

import train_network
from normscope.networks import checkpoints, files, training
from normscope.networks.parameters import flatten


@pytest.fixture
def place(tmp_path, dataset_file):
    return {"dataset": dataset_file(), "folder": tmp_path}


@pytest.fixture
def kept(job, place):
    return partial(checkpoints_in, place["folder"], job, place["dataset"])


def state_of(path):
    return files.load(path)[0].state_dict()


def test_a_checkpoint_is_the_network_of_that_epoch(kept, job, place):
    """Bit for bit that of train_network, whose training ends there."""
    paths = kept()
    trained = str(place["folder"] / "network.pt")
    train_network.main(
        job(
            "train_network",
            {"dataset": place["dataset"]},
            {"network": trained, "training": str(place["folder"] / "training.csv")},
            {
                "variant": variant("batch"),
                "training": TRAINING,
                "network": {"widths": [2, 3], "activation": "softplus"},
            },
            seed="0",
            network="mine",
        )
    )
    for name, values in state_of(trained).items():
        assert torch.equal(state_of(paths[1])[name], values), name
    assert not torch.equal(
        state_of(paths[0])["prep_conv.weight"], state_of(paths[1])["prep_conv.weight"]
    )
    rates = [checkpoints.about(path)[0] for path in paths]
    assert rates == pytest.approx([0, 0.05, 0.075])
    assert not checkpoints.about(paths[0])[1].any()


def test_the_velocity_is_the_optimisers(kept, tmp_path, monkeypatch):
    optimisers = []
    make = training.sgd.optimiser

    def seen(*arguments):
        optimisers.append(make(*arguments))
        return optimisers[-1]

    monkeypatch.setattr(training.sgd, "optimiser", seen)
    paths = kept("none")
    buffers = [each["momentum_buffer"] for each in optimisers[0].state.values()]
    assert torch.equal(checkpoints.about(paths[-1])[1], flatten(buffers))


def test_a_killed_job_keeps_the_checkpoints_behind_it(kept, monkeypatch, tmp_path):
    expected = [state_of(path) for path in kept()]
    for path in tmp_path.rglob("epoch*.pt"):
        path.unlink()
    step, made = training.sgd.step, []

    def killed_once(*arguments):
        made.append(1)
        if len(made) == 10:  # in the third epoch
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(training.sgd, "step", killed_once)
    with pytest.raises(KeyboardInterrupt):
        kept()
    assert not list(tmp_path.rglob("epoch*.pt"))
    found = [state_of(path) for path in kept()]
    assert len(made) == 14
    for one, other in zip(found, expected, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert not list(tmp_path.rglob("*.partial"))
