"""Figures of channels, steps, diagrams and the stress test, of any run's shape."""

from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import measure_initialisation
import perturb_network
import plot_activations
import plot_eigenvector_steps
import plot_gradient_descent
import plot_initialisation
import plot_layer_shifts
import plot_learning_rate_stress
import plot_mean_steps
import plot_networks
import plot_norm_effect
import plot_pooled_activations
import plot_random_steps
import plot_singular_values
import plot_step_losses
from normscope import store
from normscope.figures import channel_plots, drawing
from normscope.figures.contents import contents
from normscope.outputs.channels import LAYOUT
from normscope.results import descent, steps
from normscope.results.untrained import largest_in_theory

CHANNELS = ("05", "07", "08", "12", "19", "22", "26", "32")  # figures of such plots
CHAIN = {
    "depth": 20,
    "width": 12,
    "activation": "relu",
    "layers": [1, 2, 5, 10, 20, 50],
}
CONV = {
    "norm": "none", "norm_position": "before_activation", "activation": "relu",
    "inputs": "images", "frozen": False,
}  # fmt: skip


def layer(count, shift=0.0, seed=0):
    """Statistics of made-up outputs of that many channels, as read from a file."""
    rng = torch.Generator().manual_seed(seed)
    outputs = torch.randn(40, count, generator=rng) + shift * torch.arange(count)
    identity = nn.Sequential(OrderedDict(layer=nn.Identity()))
    arrays = measure_initialisation.measure_layers(identity, outputs, ["layer"])
    return {
        name: values.numpy() for name, values in store.group(arrays, "layer").items()
    }


def outcomes(classes):
    """Made-up losses, accuracies and shares of steps along every direction."""
    rng = np.random.default_rng(0)
    directions = ["random", "random_1", "random_2"]
    directions += [f"eigenvector_{i}" for i in range(1, 4)]
    for moment in ("mean", "variance", "third_moment"):
        directions += [f"{moment}_{c}" for c in range(classes)]
    names = ["none", *(name + sign for name in directions for sign in ("", "_minus"))]
    table = pd.DataFrame(index=names)
    table["loss"] = rng.uniform(2, 3, len(names))
    table["accuracy"] = rng.uniform(0, 1, len(names))
    table["length"] = [0.0] + [0.3, -0.3] * len(directions)
    shares = rng.dirichlet(np.ones(classes), len(names))
    for c in range(classes):
        table[f"share_{c}"] = shares[:, c]
    return table.assign(largest_share=shares.max(axis=1))


def stress(names, seeds):
    """Made-up stress tests of which the last network diverges."""
    frames = []
    for seed in range(seeds):
        for name in names:
            epochs = np.arange(1, 6)
            diverged = (epochs == 5) & (name == names[-1])
            accuracy = [0.2, 0.5, 0.8, 0.79, 0.3]
            frames.append(
                pd.DataFrame(
                    {
                        "epoch": epochs, "learning_rate": 0.01 * 2.0**epochs,
                        "train_accuracy": accuracy, "diverged": diverged,
                        "network": name, "seed": seed,
                    }
                )
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def draw_all(classes, count=3, seeds=1):
    names = [f"class {index}" for index in range(classes)]
    shown = min(classes, channel_plots.PANELS)
    nets = [f"network_{index}" for index in range(count)]
    after = [layer(classes, 0.3, seed) for seed in range(shown)]
    before, table = layer(classes), outcomes(classes)
    layers = {f"fc{n}": layer(12, 0.1 * n) for n in (1, 2, 5, 10, 20)}
    convs = {name: layer(4) for name in ("prep_conv", "classifier_conv")}
    moved = {"prep_conv": layer(4), "classifier_conv": layer(4, 0.5)}
    both = {"layer1_conv": layer(4, 1.0), "layer1_norm": layer(4)}
    values = {n: np.sort(np.random.default_rng(n).gamma(1, 1, 64)) for n in (1, 5)}
    everything = pd.concat(table.assign(network=name) for name in nets)
    return {
        "04": plot_learning_rate_stress.draw(
            stress(nets, seeds), nets, "title", 9, {nets[0]: [[0.1, 0.5], [0.2, 0.6]]}
        ),
        "05": plot_norm_effect.draw(CONV | {"norm": "batch"}, both),
        "07": plot_pooled_activations.draw(CHAIN, layers),
        "08": plot_initialisation.draw(CHAIN, layers),
        "12": plot_initialisation.draw(CONV, convs),
        "10": plot_singular_values.draw({"width": 64}, values),
        "15": plot_activations.draw(),
        "19": plot_random_steps.draw("my_network", after[:2], table, 0.01, names),
        "22": plot_mean_steps.draw("my_network", before, after, table, 0.01, names),
        "26": plot_layer_shifts.draw("my_network", convs, moved, table, 0.01, names[0]),
        "30": plot_gradient_descent.draw(),
        "32": plot_eigenvector_steps.draw(
            "my_network", before, after[:1] * 3, table, 0.01, names
        ),
        "40": plot_step_losses.draw(everything, nets, {}),
        "06": plot_networks.draw_chain(CHAIN),
        "16": plot_networks.draw_conv(
            {"norm": "batch", "activation": "relu", "title": "mine", "smoothing": 0.5},
            [2, 3],
            classes,
            32,
        ),
    }


def texts(figure):
    return " ".join(
        text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("classes", "count", "seeds"), [(10, 3, 1), (2, 1, 3), (20, 8, 1)]
)
def test_figures_are_drawn_for_any_run(classes, count, seeds, tmp_path):
    figures = draw_all(classes, count, seeds)
    for number, figure in figures.items():
        svg, png = tmp_path / f"{number}.svg", tmp_path / f"{number}.png"
        drawing.save(figure, str(svg), str(png))
        assert 3000 < svg.stat().st_size < 1_000_000, number
        assert png.stat().st_size > 3000
        assert "nan" not in texts(figure), number
        if number in CHANNELS:
            *panels, last = contents(figure)["panels"]
            assert max(panel["box"][2] for panel in panels) <= 1.8 * 72, number
            assert last["box"][2] <= drawing.WIDEST * 72, number
    assert "Grey marks are the article's values." in texts(figures["04"])
    for index in range(min(classes, 10)):
        assert f"class {index}" in texts(figures["22"])
    for index in range(count):
        assert f"network {index}" in texts(figures["40"])


def test_a_table_says_what_the_steps_did():
    table = outcomes(3)
    figure = plot_mean_steps.draw(
        "mine", layer(3), [layer(3)] * 3, table, 0.01, ["cat", "dog", "owl"]
    )
    row = table.loc["mean_1"]
    said = texts(figure)
    shares = map(drawing.percent, (row.accuracy, row.share_1))
    for cell in (f"{row.loss:.2f}", *shares):
        assert cell in said


def test_layers_say_how_far_their_means_move():
    before = {"prep_conv": layer(4), "classifier_conv": layer(4)}
    after = {"prep_conv": layer(4), "classifier_conv": layer(4, 0.5)}
    figure = plot_layer_shifts.draw("mine", before, after, outcomes(4), 0.01, "cat")
    said = texts(figure)
    assert "prep conv\nmeans move by 0.000" in said
    # Root mean square of 0, 0.5, 1 and 1.5.
    assert "classifier conv\nmeans move by 0.935" in said


def test_one_layer_is_enough():
    shown = {"fc1": layer(12)}
    assert "fc1" in texts(plot_initialisation.draw(CHAIN, shown))


@pytest.fixture
def two_seeds(tmp_path):
    """Steps of two seeds whose eigenvectors have opposite signs."""
    paths = []
    for seed, worse in enumerate(("eigenvector_1", "eigenvector_1_minus")):
        path = str(tmp_path / f"seed{seed}/mine/perturbations.h5")
        arrays, groups = {}, {}
        for name in ("none", "random", "eigenvector_1", "eigenvector_1_minus"):
            values = layer(2, 2.0 if name == worse else 0.0)
            values = {key: values[key] for key in values if f"*/{key}" in LAYOUT}
            arrays |= store.nested(values, f"{name}/outputs")
            arrays[f"{name}/predicted_share"] = np.array([0.25, 0.75])
            loss = 3.0 + seed if name == worse else 1.0
            groups[name] = {"loss": loss, "accuracy": 0.5, "length": 0.1}
        arrays["critical_length"] = np.ones(2)
        attributes = {"classes": ["cat", "dog"], "outputs": "outputs"}
        attributes["parameter_norm"] = 10.0
        store.write(path, perturb_network.LAYOUT, arrays, attributes, groups)
        paths.append(path)
    return paths


def test_eigenvectors_are_shown_with_the_sign_that_hurts_more(two_seeds):
    table = steps.outcomes(two_seeds)
    assert table.loss["eigenvector_1"] == 3.5
    assert table.loss["eigenvector_1_minus"] == 1
    assert table.largest_share["none"] == 0.75
    for path in two_seeds:
        before, after = steps.outputs_after(path, ["none", "eigenvector_1"])
        assert after["mean"][1] == pytest.approx(before["mean"][1] + 2, abs=1e-5)


def test_figures_of_steps_take_every_seed_of_a_network(two_seeds, job, tmp_path):
    output = {kind: [str(tmp_path / f"figure.{kind}")] for kind in ("svg", "png")}
    for script in (plot_random_steps, plot_eigenvector_steps):
        script.main(
            job(
                script.__name__,
                {"perturbations": two_seeds},
                output,
                {"networks": ["mine"]},
            )
        )
        assert (tmp_path / "figure.svg").stat().st_size > 3000
        (tmp_path / "figure.svg").unlink()


@pytest.mark.parametrize("start", [1.0, 2.0])
def test_gradient_descent_shrinks_or_grows_by_one_less_the_rate(start):
    growing = descent.iterates(2.2, start, 10)
    np.testing.assert_allclose(abs(growing), start * 1.2 ** np.arange(11))
    assert abs(descent.iterates(1.99, start, 10))[-1] < start
    assert abs(descent.iterates(2.01, start, 10))[-1] > start
    np.testing.assert_allclose(abs(descent.iterates(2.0, start, 10)), start)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_singular_values_have_the_density_of_products_of_wide_matrices(depth):
    singular, density = plot_singular_values.limit_density(depth)
    order = np.argsort(singular)
    singular, density = singular[order], density[order]
    assert np.trapezoid(density, singular) == pytest.approx(1, abs=0.01)
    assert np.trapezoid(density * singular**2, singular) == pytest.approx(1, abs=0.01)
    assert singular[-1] == pytest.approx(largest_in_theory(depth), rel=1e-5)
    if depth == 1:  # the quarter circle
        np.testing.assert_allclose(density, np.sqrt(4 - singular**2) / np.pi, atol=1e-9)
