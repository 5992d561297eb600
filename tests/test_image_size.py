"""Images of another height and width than 32."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import prepare_dataset
from normscope import store
from normscope.images import datasets, textures
from normscope.images.sources import cifar10, image_folder, synthetic


@pytest.mark.parametrize("size", [16, 64])
def test_drawn_images_are_the_same_pictures_at_another_resolution(size):
    usual, labels = textures.draw(60, np.random.default_rng(0))
    images, same = textures.draw(60, np.random.default_rng(0), size)
    assert images.shape == (60, 3, size, size)
    assert (same == labels).all()
    coarse = [
        F.adaptive_avg_pool2d(torch.from_numpy(each).double(), 8).flatten(1)
        for each in (usual, images)
    ]
    rows = torch.stack(coarse, dim=1)
    correlations = torch.tensor([torch.corrcoef(pair)[0, 1] for pair in rows])
    assert correlations.median() > 0.8


@pytest.mark.parametrize("size", [16, 32, 64])
def test_crops_are_windows_of_the_reflected_image(size, rng):
    images = torch.randint(256, (40, 3, size, size), generator=rng, dtype=torch.uint8)
    cropped, order = datasets.augmented(images, rng)
    padding = size // 8
    shifts = set()
    for crop, index in zip(cropped, order, strict=True):
        padded = F.pad(images[index].float(), (padding,) * 4, mode="reflect")
        windows = padded.unfold(1, size, 1).unfold(2, size, 1)
        found = []
        for which, image in enumerate((crop, crop.flip(2))):
            same = (windows == image[:, None, None]).flatten(3).all(-1).all(0)
            found += [(which, *place) for place in same.nonzero().tolist()]
        assert len(found) == 1
        shifts.add(found[0])
    assert {which for which, _, _ in shifts} == {0, 1}
    assert max(max(place) for _, *place in shifts) <= 2 * padding
    assert max(max(place) for _, *place in shifts) > padding


@pytest.mark.parametrize("name", ["synthetic", "image_folder"])
def test_a_data_set_has_images_of_the_size_that_is_set(
    name, job, image_folder, tmp_path
):
    settings = {
        "name": name, "root": str(image_folder()), "train_size": 8, "test_size": 4,
        "seed": 0, "size": 48,
    }  # fmt: skip
    output = {"dataset": str(tmp_path / "dataset.h5")}
    prepare_dataset.main(job("prepare_dataset", {}, output, {"dataset": settings}))
    dataset = datasets.load(output["dataset"])
    assert dataset.size == 48
    assert dataset.train.images.shape == (8, 3, 48, 48)
    assert dataset.test.images.shape == (4, 3, 48, 48)
    assert store.attributes(output["dataset"])["size"] == 48


def test_sources_take_32_where_no_size_is_set():
    settings = {"train_size": 10, "test_size": 10, "seed": 0}
    train, _, _ = synthetic.read(settings)
    assert train.read(np.arange(10)).shape == (10, 3, 32, 32)
    assert image_folder.SIZE == 32


def test_cifar10_is_scaled():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    assert cifar10._scaled(images, 32) is images
    large = cifar10._scaled(images, 64)
    assert large.shape == (4, 64, 64, 3)
    again = cifar10._scaled(large, 32).astype(int)
    assert np.abs(again - images).mean() < 40
    assert np.abs(again[::-1] - images).mean() > 60
