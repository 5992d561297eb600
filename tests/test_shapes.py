"""A wrong shape is said in words, wherever it comes in."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import torch

import normscope
from normscope import (
    channels,
    datasets,
    densities,
    moments,
    parameters,
    sources,
    subspaces,
    training,
    winograd,
)
from normscope.hessian import Hessian, Projected
from normscope.lanczos import leading_eigenpairs, multiplicity
from normscope.layer_tangents import linearised
from normscope.shapes import check
from normscope.tangents import LinearisedGradient

ONE, TWO = torch.zeros(3), torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a": (ONE, "N K")}, r"a: expected shape \(N K\), got \(3,\)"),
        ({"a": (TWO, "N")}, r"a: expected shape \(N\), got \(2, 3\)"),
        ({"a": (ONE, "4")}, r"a: expected shape \(4\) with 4 = 4.* got \(3,\)"),
        ({"a": (ONE, "N C ...")}, r"a: expected shape \(N C \.\.\.\), got \(3,\)"),
        (
            {"a": (ONE, "P"), "b": (TWO.T, "k P")},
            r"b: expected shape \(k P\) with P = 3, as of a, got \(3, 2\)",
        ),
    ],
)
def test_the_sizes_are_said(tensors, message):
    with pytest.raises(ValueError, match=message):
        check(**tensors)


def test_right_sizes_pass():
    check(a=(ONE, "P"), b=(TWO, "k P"), c=(torch.zeros(4, 3, 32, 32), "N 3 ..."))


class Wrong:
    """An operator whose products are of another size."""

    dimension, device = 5, torch.device("cpu")

    def __call__(self, vector):
        return torch.zeros(4)


CALLS = {
    "unflatten": lambda _: parameters.unflatten(ONE, {"a": TWO}),
    "perturbed": lambda _: parameters.perturbed({"a": TWO}, ONE, 1.0),
    "overlaps": lambda _: subspaces.overlaps(np.zeros((2, 4)), TWO.numpy()),
    "orthonormal_groups": lambda _: subspaces.orthonormal_groups(
        [TWO.numpy(), TWO.T.numpy()]
    ),
    "moments": lambda _: moments.moments(ONE),
    "kernel_densities": lambda _: densities.kernel_densities(ONE),
    "by_channel": lambda _: channels.by_channel(ONE),
    "channel_statistics": lambda _: channels.channel_statistics(ONE),
    "channel_densities": lambda _: channels.channel_densities(ONE),
    "largest_shares": lambda _: channels.largest_shares(ONE),
    "smoothed_cross_entropy": lambda _: training.smoothed_cross_entropy(
        TWO, torch.zeros(3, dtype=torch.long), 0.5
    ),
    "augmented": lambda _: datasets.augmented(
        torch.zeros(2, 3, 28, 28), torch.Generator()
    ),
    "colour_statistics": lambda _: sources.colour_statistics(np.zeros((4, 1, 32, 32))),
    "balanced_subset": lambda _: datasets.balanced_subset(
        np.zeros((3, 2)), 2, np.random.default_rng(0)
    ),
    "leading_eigenpairs": lambda _: leading_eigenpairs(
        Wrong(), 2, 1e-3, torch.Generator()
    ),
    "multiplicity": lambda _: multiplicity(TWO, 1e-3),
    "Projected": lambda _: Projected(Wrong(), TWO),
    "Hessian": lambda get: Hessian(get("tiny")(), get("loss"), get("batches")(), 1.0)(
        ONE
    ),
    "LinearisedGradient": lambda get: LinearisedGradient(
        get("tiny")(), torch.sum, torch.zeros(3, 32, 32), True
    ),
    "linearised": lambda _: linearised(torch.nn.ReLU(), TWO, TWO, True),
    "of_weights": lambda _: winograd.of_weights(torch.zeros(2, 2, 1, 1)),
    "of_weights_adjoint": lambda _: winograd.of_weights_adjoint(TWO),
    "of_inputs": lambda _: winograd.of_inputs(TWO),
    "of_inputs_adjoint": lambda _: winograd.of_inputs_adjoint(TWO),
    "of_outputs": lambda _: winograd.of_outputs(TWO),
    "of_outputs_adjoint": lambda _: winograd.of_outputs_adjoint(TWO),
    "normalised": lambda get: get("dataset").normalised(torch.zeros(2, 1, 32, 32)),
}


def takes_tensors(function):
    parameters = inspect.signature(function).parameters.values()
    return any(p.annotation in (torch.Tensor, np.ndarray) for p in parameters)


def test_every_function_of_tensors_is_called():
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(normscope.__path__, "normscope.")
    ]
    found = {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        if not name.startswith("_") and takes_tensors(function)
    }
    assert len(found) > 10
    assert found - {"layer_boxes", "activations"} <= CALLS.keys()  # of networks' inputs


@pytest.mark.parametrize("name", CALLS)
def test_functions_say_which_of_their_tensors_is_wrong(name, request):
    with pytest.raises(ValueError, match=r"^[\w ]+: expected shape \(.*, got \("):
        CALLS[name](request.getfixturevalue)
