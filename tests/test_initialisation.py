"""Untrained networks: what measure_initialisation writes."""

import numpy as np
import pytest
import torch

import measure_initialisation
from normscope import store
from normscope.images import datasets, textures
from normscope.job import UserError
from normscope.networks import batch_statistics
from normscope.outputs import activations, channels

IMAGES = 24  # all train images: one batch for everything


@pytest.fixture
def initial(job, tmp_path):
    """Run an experiment; return its arrays and attributes."""

    def make(dataset="", images=IMAGES, widths=(4, 8, 8), seed="0", **experiment):
        path = str(tmp_path / "seed0/initialisation/mine.h5")
        measure_initialisation.main(
            job(
                "measure_initialisation",
                {"dataset": dataset},
                {"statistics": path},
                {"experiment": experiment, "images": images, "widths": widths},
                seed=seed,
                experiment="mine",
            )
        )
        return store.read(path)

    return make


CONV = {"norm_position": "before_activation", "frozen": False, "inputs": "images"}


def share_between(arrays, layer):
    parts = [arrays[f"{layer}/variance_{part}"] for part in ("between", "within")]
    return parts[0] / sum(parts)


def test_a_chain_is_measured_layer_by_layer(initial):
    arrays, facts = initial(depth=4, width=64, activation="relu", layers=[1, 4])
    assert list(facts["layers"]) == [
        f"{k}{n}" for n in range(1, 5) for k in ("fc", "relu")
    ]
    for layer in facts["layers"]:
        total = arrays[f"{layer}/pooled/std"][0] ** 2
        parts = (arrays[f"{layer}/variance_{part}"] for part in ("between", "within"))
        assert sum(parts) == pytest.approx(total, rel=1e-4)
        assert arrays[f"{layer}/mean"].shape == (64,)
        assert arrays[f"{layer}/largest_share"].sum() == pytest.approx(1)
    drawn = {name.split("/")[0] for name in arrays if name.endswith("density")}
    assert drawn == {"fc1", "fc4"}
    assert arrays["fc4/density"].shape[0] == 10
    assert not store.group(arrays, "singular_values")


def test_a_linear_chain_has_singular_values(initial):
    arrays, _ = initial(depth=4, width=64, activation="linear", layers=[1, 4, 9])
    values = store.group(arrays, "singular_values")
    assert values.keys() == {"fc1", "fc4"}
    assert (np.diff(values["fc4"]) <= 0).all()


def test_batch_norm_gives_mean_0_and_variance_1(initial, dataset_file):
    arrays, facts = initial(dataset_file(), norm="batch", **CONV)
    layers = [layer for layer in facts["layers"] if layer.endswith("_norm")]
    assert len(layers) == 5
    for layer in layers:
        assert np.abs(arrays[f"{layer}/mean"]).max() < 1e-3
        np.testing.assert_allclose(arrays[f"{layer}/std"], 1, atol=1e-2)


def test_frozen_batch_norm_sees_other_images_than_it_was_fixed_on(
    initial, dataset_file
):
    path = dataset_file(train=2 * IMAGES)
    arrays, _ = initial(path, norm="batch", **CONV | {"frozen": True})
    # What they do not share is the batch, and the corrected variance.
    means, stds = arrays["layer2_norm/mean"], arrays["layer2_norm/std"]
    assert 1e-4 < np.abs(means).max() < 0.3
    np.testing.assert_allclose(stds, 1, atol=0.3)

    dataset = datasets.load(path)
    (looked_at, _), (fixed_on, _) = datasets.fixed_batches(dataset, 0, IMAGES)
    network = measure_initialisation.build_conv(
        CONV | {"norm": "batch"}, (4, 8, 8), IMAGES, 0, dataset
    )[0]
    batch_statistics.refresh(network, [fixed_on])
    network.eval()
    with torch.no_grad():
        outputs = network[:-1](looked_at)
    np.testing.assert_allclose(
        arrays["classifier_scale/mean"], outputs.mean(dim=(0, 2, 3)), atol=1e-5
    )


def test_too_few_images_are_refused(initial, dataset_file):
    path = dataset_file()
    with pytest.raises(UserError, match=r"initialisation: 25 images .*has 24 train"):
        initial(path, images=25, norm="none", **CONV)
    with pytest.raises(UserError, match=r"initialisation: 48 images in batches of 24"):
        initial(path, norm="batch", **CONV | {"frozen": True})


def test_channels_drift_apart_most_without_norm_and_images():
    """The article's order, of medians over seeds, with the default's drawn images.

    At twice the default's widths: in narrower networks seeds scatter more than that.
    """
    images, labels = map(torch.from_numpy, textures.draw(128, np.random.default_rng(0)))
    split = datasets.Split(images, labels)
    pixels = images.float().transpose(0, 1).flatten(1)
    dataset = datasets.Dataset(
        split, split, list(textures.CLASSES), pixels.mean(dim=1), pixels.std(dim=1)
    )

    def between_to_within(norm, inputs, seed):
        experiment = CONV | {"norm": norm, "inputs": inputs}
        network, images = measure_initialisation.build_conv(
            experiment, (16, 32, 64, 128), 128, seed, dataset
        )
        found = {}
        activations.pass_through(network, images, found.__setitem__)
        statistics = channels.channel_statistics(found["classifier_conv"])
        split = channels.variance_split(statistics)
        return (split["variance_between"] / split["variance_within"]).item()

    with torch.no_grad():
        noise, plain, batch_norm = (
            np.median([between_to_within(*kind, seed) for seed in range(5)])
            for kind in (("none", "gaussian"), ("none", "images"), ("batch", "images"))
        )
    assert noise > 9
    assert noise > 1.5 * plain > 1.5 * 1.5 * batch_norm


@pytest.mark.parametrize(
    ("kind", "depends"),
    [
        ({"norm": "none"}, False),
        ({"norm": "group"}, False),
        ({"norm": "batch"}, True),
        ({"norm": "batch", "frozen": True}, False),
        ({"norm": "none", "inputs": "gaussian"}, False),
        ({"norm": "batch", "inputs": "gaussian"}, True),
    ],
)
@pytest.mark.parametrize("images", [2, IMAGES - 1])
def test_logits_depend_on_the_batch_with_active_norm_alone(
    initial, dataset_file, kind, depends, images
):
    path = dataset_file(train=2 * IMAGES)
    arrays, facts = initial(path, images=images, **CONV | kind)
    dependence = arrays[f"{facts['layers'][-1]}/dependence_on_batch"]
    if depends:
        assert dependence > 1e-2
    else:
        assert dependence < 1e-4


def test_dependence_is_in_deviations_of_logits():
    """Logits that are the inputs less the mean of their batch."""

    def network(inputs):
        return 7 * (inputs - inputs.mean(dim=0))

    inputs = torch.tensor([[0.0], [2.0], [4.0], [10.0], [4.0]])
    logits = inputs - 4
    # The first three, and the first two in place of the last: a mean of 8 / 5.
    expected = (4 - 8 / 5) / logits.std()
    found = measure_initialisation.dependence_on_batch(network, inputs)
    torch.testing.assert_close(found, expected)
