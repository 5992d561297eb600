"""Augmentation, batches and subsets, against slow and plain ways."""

import h5py
import numpy as np
import pytest
import torch

import freeze_network
import render_page
from normscope import store
from normscope.curvature import decomposition
from normscope.images import datasets, labelled
from normscope.job import UserError
from normscope.networks import conv_net, training


@pytest.fixture
def images(rng):
    return torch.randint(256, (50, 3, 32, 32), generator=rng, dtype=torch.uint8)


def test_augmented_images_are_windows_of_the_reflected_image(images, rng):
    augmented, order = datasets.augmented(images, rng)
    assert sorted(order.tolist()) == list(range(50))
    padded = torch.nn.functional.pad(images.float(), [4] * 4, mode="reflect").byte()
    corners, flips = set(), 0
    for image, index in zip(augmented, order, strict=True):
        windows = {
            (row, column, flip): padded[index, :, row : row + 32, column : column + 32]
            for row in range(9)
            for column in range(9)
            for flip in (False, True)
        }
        matches = [
            place
            for place, window in windows.items()
            if torch.equal(image, window.flip(2) if place[2] else window)
        ]
        assert len(matches) == 1
        corners.add(matches[0][:2])
        flips += matches[0][2]
    assert len(corners) > 25
    assert 10 < flips < 40


def test_augmentation_depends_on_its_generator_alone(images):
    first, second, other = (
        datasets.augmented(images, torch.Generator().manual_seed(seed))[0]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_batches_keep_labels_beside_images_and_drop_the_rest(dataset, rng):
    batches = list(datasets.augmented_batches(dataset, 7, rng))
    assert [len(labels) for _, labels in batches] == [7, 7, 7]
    for images, labels in batches:
        brightness = images.mean(dim=(1, 2, 3))
        for label in range(2):
            assert brightness[labels == label].max() < brightness[labels > label].min()


def test_normalised_images_have_mean_0_and_std_1(dataset):
    images = dataset.normalised(dataset.train.images)
    torch.testing.assert_close(
        images.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0
    )
    deviation = images.std(dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(deviation, torch.ones(3), atol=1e-5, rtol=0)


def test_fixed_batches_are_fixed_and_a_beginning_of_the_whole(dataset):
    some = datasets.fixed_batches(dataset, 3, 5, 12)
    every = datasets.fixed_batches(dataset, 3, 5)
    assert (len(some), len(every)) == (2, 4)
    for (images, labels), (same_images, same_labels) in zip(some, every, strict=False):
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels)


@pytest.mark.parametrize(("images", "said"), [(20, ""), (19, "15 are used, 4 fill")])
def test_images_that_fill_no_batch_are_said(dataset, images, said, capsys):
    assert len(datasets.fixed_batches(dataset, 0, 5, images)) == images // 5
    out = capsys.readouterr().out
    assert out.count("\n") == (said != "")
    assert said in out


def test_an_epoch_says_once_what_it_leaves_out(dataset, rng, loss, state, capsys):
    settings = {"batch_size": 7, "epochs": 2, "momentum": 0.9, "weight_decay": 0}
    network = conv_net.build(conv_net.Architecture((2, 3), classes=3), rng)
    rows = training.train(
        network, dataset, loss, lambda epoch: 0.1, settings, rng, state
    )
    assert len(list(rows)) == 2
    said = "24 images in batches of 7: 21 are used, 3 fill no batch and are left out\n"
    assert capsys.readouterr().out == said


def test_a_copy_says_what_its_statistics_leave_out(
    dataset_file, network_file, job, tmp_path, capsys
):
    inputs = {"dataset": dataset_file(), "network": network_file(norm="batch")}
    output = {"network": str(tmp_path / "frozen/network.pt")}
    place = {"seed": "0", "network": "mine"}
    this = job("freeze_network", inputs, output, {"batch_size": 7}, **place)
    freeze_network.main(this)
    assert "21 are used, 3 fill no batch" in capsys.readouterr().out


def test_the_page_says_how_many_images_the_hessian_is_of(job, dataset_file, tmp_path):
    inputs = {"dataset": dataset_file(), "data": [str(tmp_path / "hessian.h5")]}
    with h5py.File(inputs["dataset"], "a") as file:
        file.attrs["source"] = "synthetic"
    attributes = {"images": 40, "batch_size": 20, "device": "cpu", "torch": "2"}
    pairs = {"eigenvalues": [1], "eigenvectors": [[1]], "residual_norms": [0]}
    store.write(*inputs["data"], decomposition.LAYOUT, pairs, attributes)
    params = {"networks": ["mine"], "seeds": [0], "benchmarks": str(tmp_path)}
    facts = render_page.facts(job("render_page", inputs, params=params))
    assert facts["hessian"] == "mean over 40 images in batches of 20"


@pytest.mark.parametrize(("batch_size", "images"), [(25, None), (5, 30), (5, 4)])
def test_batches_that_the_data_cannot_fill_are_refused(dataset, batch_size, images):
    with pytest.raises(UserError, match="has 24 train images; change these"):
        datasets.fixed_batches(dataset, 0, batch_size, images)


@pytest.mark.parametrize("size", [10, 11, 12])
def test_a_subset_is_balanced_and_has_no_image_twice(size):
    labels = np.repeat([0, 1, 2], [9, 4, 20])
    rng = np.random.default_rng(0)
    chosen = datasets.balanced_subset(labels, size, rng, "train", "abc")
    counts = np.bincount(labels[chosen])
    assert len(set(chosen)) == size
    assert counts.max() - counts.min() <= 1


def test_a_subset_larger_than_a_class_allows_is_refused():
    labels = np.repeat([0, 1], [9, 4])
    said = "dataset.test_size: 10 images need 5 of each class, but dog has 4 test im"
    with pytest.raises(UserError, match=said):
        datasets.balanced_subset(
            labels, 10, np.random.default_rng(0), "test", ["cat", "dog"]
        )


def test_colour_statistics_equal_numpys():
    images = np.random.default_rng(0).integers(0, 256, (9, 3, 32, 32), dtype=np.uint8)
    mean, std = labelled.colour_statistics(images)
    np.testing.assert_allclose(mean, images.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(std, images.std(axis=(0, 2, 3)))


def test_constant_images_are_refused():
    with pytest.raises(UserError, match="a colour has the same value"):
        labelled.colour_statistics(np.full((4, 3, 32, 32), 7, np.uint8))
