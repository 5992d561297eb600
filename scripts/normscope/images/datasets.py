"""Images with labels as tensors: augmentation and batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from normscope import store
from normscope.devices import generator
from normscope.images.size import IMAGES
from normscope.job import UserError

PADDING = 8  # of the size of an image: 4 pixels of 32, as in the article
LAYOUT = {
    "train/images": (IMAGES, "RGB, grey levels 0 to 255"),
    "train/labels": ("N", "index into the attribute classes"),
    "test/images": (IMAGES, "RGB, grey levels 0 to 255"),
    "test/labels": ("N", "index into the attribute classes"),
}

Images, Labels = UInt8[Tensor, IMAGES], Int64[Tensor, "N"]
Batch = tuple[Float[Tensor, "N C H W"], Labels]  # of normalised images


@dataclass(frozen=True)
class Split:
    """Images of grey levels, and their labels."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """Train and test split, class names, and the train images' colours."""

    train: Split
    test: Split
    classes: list[str]
    mean: Float32[Tensor, "3"]
    std: Float32[Tensor, "3"]

    @property
    def size(self) -> int:
        """The height and width of the images in pixels."""
        return self.train.images.shape[-1]

    def to(self, device: torch.device) -> "Dataset":
        """The same on the device."""
        splits = self.train.to(device), self.test.to(device)
        return Dataset(*splits, self.classes, self.mean.to(device), self.std.to(device))

    def normalised(self, images: Images) -> Float32[Tensor, IMAGES]:
        """The images with mean 0 and std 1 per colour."""
        shape = (1, 3, 1, 1)
        return (images.float() - self.mean.view(shape)) / self.std.view(shape)


def load(path: str) -> Dataset:
    """What `prepare_dataset` wrote."""
    arrays, attributes = store.read(path)
    splits = (
        Split(
            torch.from_numpy(arrays[f"{split}/images"]),
            torch.from_numpy(arrays[f"{split}/labels"]),
        )
        for split in ("train", "test")
    )
    statistics = (
        torch.tensor(attributes[name], dtype=torch.float32) for name in ("mean", "std")
    )
    return Dataset(*splits, list(attributes["classes"]), *statistics)


def balanced_subset(
    labels: Int64[np.ndarray, " N"],
    size: int,
    rng: np.random.Generator,
    split: str,
    names: Sequence[str],
) -> Int64[np.ndarray, " {size}"]:
    """Indices, in order, with every class as often as any other, or one more.

    Raises UserError, naming the split and the class, where it has too few images.
    """
    classes = np.unique(labels)
    shares = np.full(len(classes), size // len(classes))
    shares[: size % len(classes)] += 1
    chosen = []
    for label, share in zip(classes, shares, strict=True):
        members = np.flatnonzero(labels == label)
        if len(members) < share:
            raise UserError(
                f"config key dataset.{split}_size: {size} images need {share} of each "
                f"class, but {names[label]} has {len(members)} {split} images; lower "
                "it, or say null for all images"
            )
        chosen.append(rng.choice(members, share, replace=False))
    return np.sort(np.concatenate(chosen))


def augmented(images: Images, rng: torch.Generator) -> tuple[Images, Labels]:
    """Every image once, in random order, cropped and flipped at random.

    Crops are windows as large as the image in the image reflected out by an eighth of
    its size (4 of 32 pixels). Returns the images and their indices in the input. One
    gather for the lot, on its device.
    """
    count, size = len(images), images.shape[-1]
    padding = size // PADDING
    order = torch.randperm(count, generator=rng)
    corner = torch.randint(2 * padding + 1, (2, count, 1), generator=rng)
    flip = torch.rand(count, 1, generator=rng) < 0.5
    line = torch.arange(size)
    rows = _reflected(corner[0] + line - padding, size)
    columns = torch.where(flip, size - 1 - line, line)
    columns = _reflected(corner[1] + columns - padding, size)
    order, rows, columns = (
        index.to(images.device) for index in (order, rows[:, :, None], columns[:, None])
    )
    pixels = images.permute(0, 2, 3, 1)[order[:, None, None], rows, columns]
    return pixels.permute(0, 3, 1, 2), order


def _reflected(places: Tensor, size: int) -> Tensor:
    """The pixel at each place in or beyond the image, mirrored at the borders."""
    inside = places.abs()
    return torch.where(inside < size, inside, 2 * (size - 1) - inside)


def augmented_batches(
    dataset: Dataset, batch_size: int, rng: torch.Generator
) -> Iterator[Batch]:
    """One epoch of normalised batches; a last one that is not full is dropped."""
    images, order = augmented(dataset.train.images, rng)
    labels = dataset.train.labels[order]
    for start in range(0, len(order) - batch_size + 1, batch_size):
        batch = slice(start, start + batch_size)
        yield dataset.normalised(images[batch]), labels[batch]


def fixed_batches(
    dataset: Dataset,
    seed: int,
    batch_size: int,
    images: int | None = None,
    section: str = "hessian",
) -> list[Batch]:
    """The batches that every analysis of this seed looks at: same order, same crops.

    Of all train images, or the first `images` of them. Raises UserError, naming the
    config section, where there are fewer, or not enough for one batch.
    """
    available = len(dataset.train)
    count = available if images is None else images
    if not batch_size <= count <= available:
        raise UserError(
            f"config section {section}: {count} images in batches of {batch_size}, but "
            f"the data set has {available} train images; change these numbers"
        )
    say_what_is_left_out(count, batch_size)
    epoch = augmented_batches(dataset, batch_size, generator(seed, "fixed batches"))
    return [batch for batch, _ in zip(epoch, range(count // batch_size), strict=False)]


def say_what_is_left_out(images: int, batch_size: int) -> None:
    """Print how many of the images are in no batch, where there are any."""
    if rest := images % batch_size:
        print(
            f"{images} images in batches of {batch_size}: {images - rest} are used, "
            f"{rest} fill no batch and are left out"
        )


def plain_batches(split: Split, dataset: Dataset, batch_size: int) -> Iterator[Batch]:
    """Normalised batches of all images as they are, the last one perhaps smaller."""
    for images, labels in zip(
        split.images.split(batch_size), split.labels.split(batch_size), strict=True
    ):
        yield dataset.normalised(images), labels
