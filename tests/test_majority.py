"""The least loss, and the shortest step to a majority: closed forms and searches."""

from math import exp, inf

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from normscope.networks import losses
from normscope.outputs.majority import critical_length

LENGTHS = np.linspace(0, 0.2, 20_001).tolist()


def from_there_on(threshold):
    """A share that is a majority at lengths from the threshold on."""
    return lambda length: 0.6 if length >= threshold else 0.4


def rising(slope, steepness):
    """A smooth share that rises with the length."""
    return lambda length: 1 - 0.9 * exp(-((slope * length) ** steepness))


def shortest_of_many(share):
    wins = [share(length) > 0.5 for length in LENGTHS]
    return LENGTHS[np.argmax(wins)] if any(wins) else inf


@given(st.floats(1e-4, 0.2))
def test_a_threshold_is_found_to_ten_percent(threshold):
    found = critical_length(from_there_on(threshold))
    assert threshold <= found <= threshold / 0.9 + 1e-12


@given(st.floats(2, 2000), st.floats(0.5, 4))
def test_a_rising_share_is_bracketed_as_a_fine_scan_does(slope, steepness):
    share = rising(slope, steepness)
    expected, found = shortest_of_many(share), critical_length(share)
    if expected == inf:
        assert found == inf
    else:
        assert expected - 1e-5 <= found <= expected / 0.9 + 1e-5
        assert share(found) > 0.5


def test_the_longest_step_counts_and_no_longer_one():
    assert critical_length(from_there_on(0.2)) == 0.2
    assert critical_length(from_there_on(0.2001)) == inf
    assert critical_length(lambda _: 0.5) == inf  # one half is no majority


def test_a_majority_before_the_step_needs_none():
    assert critical_length(lambda _: 0.51) == 0


def test_few_lengths_are_tried():
    for threshold in np.geomspace(0.001, 0.3, 40).tolist():
        tried = []
        share = from_there_on(threshold)
        critical_length(lambda length: tried.append(length) or share(length))  # noqa: B023
        assert len(tried) == len(set(tried)) <= 11
        assert max(tried) <= 0.2


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 2.0])
def test_no_logits_have_a_loss_below_the_floor(classes, smoothing):
    labels = torch.tensor([classes - 1])

    def loss(logits):
        logits = torch.from_numpy(logits)[None]
        return losses.smoothed_cross_entropy(logits, labels, smoothing).item()

    start = np.linspace(-1, 1, classes)
    least = minimize(loss, start, method="BFGS", options={"gtol": 1e-9}).fun
    floor = losses.floor(classes, smoothing)
    assert floor <= least + 1e-9
    assert floor == pytest.approx(least, abs=1e-4)


def test_the_articles_floor():
    assert losses.floor(10, 0.5) == pytest.approx(1.905, abs=5e-4)
    assert losses.floor(10, 0.0) == 0
