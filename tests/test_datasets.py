"""Augmentation, batches and subsets, against slow and plain ways."""

import numpy as np
import pytest
import torch

from normscope import datasets
from normscope.job import Refused


@pytest.fixture
def images(draws):
    return torch.randint(256, (50, 3, 32, 32), generator=draws, dtype=torch.uint8)


def test_augmented_images_are_windows_of_the_reflected_image(images, draws):
    augmented, order = datasets.augmented(images, draws)
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


def test_batches_keep_labels_beside_images_and_drop_the_rest(dataset, draws):
    batches = list(datasets.augmented_batches(dataset, 7, draws))
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


@pytest.mark.parametrize(("batch_size", "images"), [(25, None), (5, 30), (5, 4)])
def test_batches_that_the_data_cannot_fill_are_refused(dataset, batch_size, images):
    with pytest.raises(Refused, match="has 24 train images; change these"):
        datasets.fixed_batches(dataset, 0, batch_size, images)


@pytest.mark.parametrize("size", [10, 11, 12])
def test_a_subset_is_balanced_and_has_no_image_twice(size):
    labels = np.repeat([0, 1, 2], [9, 4, 20])
    chosen = datasets.balanced_subset(labels, size, np.random.default_rng(0))
    counts = np.bincount(labels[chosen])
    assert len(set(chosen)) == size
    assert counts.max() - counts.min() <= 1


def test_a_subset_larger_than_a_class_allows_is_refused():
    labels = np.repeat([0, 1], [9, 4])
    with pytest.raises(
        Refused, match="10 images need 5 of each class, but class number 1 has 4"
    ):
        datasets.balanced_subset(labels, 10, np.random.default_rng(0))


def test_fewer_train_images_are_balanced_and_normalised_as_before(dataset):
    few = datasets.with_fewer_train_images(dataset, 9, np.random.default_rng(0))
    assert few.train.labels.bincount().tolist() == [3, 3, 3]
    assert torch.equal(few.mean, dataset.mean)
    everything = list(zip(dataset.train.images, dataset.train.labels, strict=True))
    for image, label in zip(few.train.images, few.train.labels, strict=True):
        assert any(torch.equal(image, i) and label == n for i, n in everything)
    with pytest.raises(Refused, match=r"lower .*learning_rate_stress\.images"):
        datasets.with_fewer_train_images(dataset, 30, np.random.default_rng(0))
