"""Statistics of channels against numpy, activations against the network itself."""

import numpy as np
import pytest
import torch

from normscope.job import UserError
from normscope.networks.parameters import detached, flatten, perturbed
from normscope.outputs import channels


def test_statistics_are_those_of_numpy(rng):
    outputs = torch.randn(7, 12, 5, 4, generator=rng) * 3 + 1
    ours = channels.channel_statistics(outputs)
    theirs = outputs.double().numpy().transpose(1, 0, 2, 3).reshape(12, -1)
    for name in ("mean", "std", "min", "max"):
        expected = getattr(np, name)(theirs, axis=1)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-5, atol=1e-6)
    drawn = channels.channel_densities(outputs)
    assert drawn["density"].shape == (10, len(drawn["grid"]))


def test_outputs_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="not finite; lower depth"):
        channels.channel_statistics(torch.tensor([[1.0], [torch.inf]]))


def test_variance_is_that_between_channels_and_that_within(rng):
    outputs = torch.randn(9, 6, 3, 3, generator=rng)
    outputs *= torch.arange(6)[:, None, None]
    outputs += torch.randn(6, 1, 1, generator=rng)
    split = channels.variance_split(channels.channel_statistics(outputs))
    assert split["variance_between"] > 0.1
    total = split["variance_between"] + split["variance_within"]
    torch.testing.assert_close(total, outputs.var(correction=0))


def test_shares_count_where_a_channel_is_the_largest():
    outputs = torch.zeros(4, 12)
    outputs[:3, 1] = 1
    outputs[3, 9] = 1
    outputs[:, 11] = 5  # not among the first ten
    shares = channels.largest_shares(outputs)
    assert shares.tolist() == [0, 0.75, 0, 0, 0, 0, 0, 0, 0, 0.25]


def test_a_summary_is_that_of_numpy(rng):
    outputs = torch.randn(40, 25, generator=rng) * torch.linspace(1, 3, 25)
    outputs += torch.randn(25, generator=rng) + 0.5
    found = channels.summary(outputs)
    values = outputs.double().numpy()
    deviations = values.std(axis=0)
    winners = [values[:, ten : ten + 10].argmax(axis=1) for ten in (0, 10)]
    shares = [np.bincount(winner).max() / 40 for winner in winners]
    assert shares[0] != shares[1]
    expected = {
        "pooled_mean": values.mean(),
        "pooled_deviation": values.std(),
        "variance_between": values.mean(axis=0).var(),
        "variance_within": (deviations**2).mean(),
        "deviation_variation": deviations.std() / deviations.mean(),
        "largest_share_of_tens": np.median(shares),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value, rel=1e-5)
    assert {f"*/{name}" for name in found} == channels.SUMMARY.keys()


def test_fewer_than_ten_channels_are_one_ten():
    outputs = torch.tensor([[3.0, 1, 2], [3, 1, 2], [3, 1, 2], [0, 1, 0]])
    share = channels.summary(outputs)["largest_share_of_tens"]
    assert share.item() == pytest.approx(0.75)


def test_a_summary_of_what_is_not_finite_is_refused():
    with pytest.raises(UserError, match="not finite; lower depth"):
        channels.summary(torch.tensor([[1.0], [torch.inf]]))


def test_a_step_has_its_length_and_direction(tiny, rng):
    weights = detached(tiny())
    start = flatten(weights.values())
    direction = torch.nn.functional.normalize(
        torch.randn(len(start), generator=rng).double(), dim=0
    )
    moved = flatten(perturbed(weights, direction, -0.3).values()) - start
    torch.testing.assert_close(moved, -0.3 * direction)
