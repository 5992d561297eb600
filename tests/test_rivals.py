"""Class-mean and placebo gradients against dense Jacobians of the logits."""

import pytest
import torch
from conftest import KINDS
from torch.func import functional_call, jacrev

from normscope.networks.parameters import detached, flatten
from normscope.outputs.rivals import PLACEBOS, rival_gradients


def jacobian(network, images):
    """d logit c of image i by the parameters (N, K, P)."""
    by_name = jacrev(lambda named: functional_call(network, named, images))
    return torch.cat([x.flatten(2) for x in by_name(detached(network)).values()], 2)


def with_labels(data, *labels):
    return [
        (images, torch.tensor(of)) for (images, _), of in zip(data, labels, strict=True)
    ]


@pytest.mark.parametrize("kind", ["no norm", "active batch norm", "frozen batch norm"])
def test_class_means_count_the_batches_that_have_the_class(kind, tiny, batches, rng):
    network = tiny(**KINDS[kind])
    labels = [0, 0, 1, 0, 1, 1], [2, 0, 2, 2, 2, 0]
    data = with_labels(batches(), *labels)
    found, _ = rival_gradients(network, data, 3, rng)
    one, two = (jacobian(network, images) for images, _ in data)
    expected = [
        (one[[0, 1, 3], 0].mean(dim=0) + two[[1, 5], 0].mean(dim=0)) / 2,
        one[[2, 4, 5], 1].mean(dim=0),
        two[[0, 2, 3, 4], 2].mean(dim=0),
    ]
    torch.testing.assert_close(found, torch.stack(expected))


def test_placebos_are_means_of_logits_with_random_signs(tiny, batches, rng):
    """One batch: the signs are found by least squares, and are +-1 for each image."""
    network = tiny(norm="none")
    data = with_labels(batches(count=1), [0, 1, 2, 0, 1, 2])
    _, found = rival_gradients(network, data, 3, rng)
    assert found.shape[:2] == (PLACEBOS, 3)
    rows = jacobian(network, data[0][0])
    for output in range(3):
        own = rows[:, output]
        signs = torch.linalg.lstsq(own.T, 6 * found[:, output].T).solution
        torch.testing.assert_close(signs.abs(), torch.ones_like(signs))
        assert len({tuple(column.sign().tolist()) for column in signs.T}) > 1


def test_signs_are_drawn_anew_for_each_batch(tiny, batches, rng):
    """Of the same images twice, most placebos are not that of the images once."""
    network = tiny(norm="none")
    ((images, _),) = batches(count=1)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    _, twice = rival_gradients(network, [(images, labels)] * 2, 3, rng)
    rows = jacobian(network, images)
    sums = torch.stack(
        [
            torch.linalg.lstsq(rows[:, c].T, 12 * twice[:, c].T).solution
            for c in range(3)
        ]
    )
    counts = sums.round().abs().unique(return_counts=True)
    torch.testing.assert_close(sums, sums.round(), atol=1e-6, rtol=0)
    assert counts[0].tolist() == [0, 2]
    assert 0.2 < counts[1][0] / sums.numel() < 0.8


def test_the_same_draws_give_the_same_bits(tiny, batches):
    network = tiny(norm="batch")
    data = with_labels(batches(), [0, 1, 2, 0, 1, 2], [2, 1, 0, 0, 1, 2])
    first, second = (
        flatten(rival_gradients(network, data, 3, torch.Generator().manual_seed(3)))
        for _ in range(2)
    )
    assert torch.equal(first, second)


def test_a_class_without_an_image_has_no_direction(tiny, batches, rng, capsys):
    data = with_labels(batches(), [0, 2, 0, 2, 0, 2], [2, 2, 2, 2, 0, 0])
    class_means, _ = rival_gradients(tiny(), data, 3, rng)
    assert (class_means[1] == 0).all()
    assert (class_means[[0, 2]].norm(dim=1) > 0).all()
    assert "class 1 has no image" in capsys.readouterr().out
