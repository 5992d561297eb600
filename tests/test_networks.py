"""The networks' shape, weights, norms and file."""

import pickle
from dataclasses import replace

import pytest
import torch
from conftest import KINDS

from normscope.job import UserError
from normscope.networks import batch_statistics, files
from normscope.networks.activations import softplus
from normscope.networks.conv_net import Architecture, build

ARTICLE = Architecture(widths=(64, 128, 256, 512), classes=10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_articles_sizes_have_its_parameter_count(kind, rng):
    network = build(replace(ARTICLE, **KINDS[kind]), rng)
    count = sum(weight.numel() for weight in network.parameters())
    assert count == 4_651_712
    assert len(list(network.parameters())) == 8


def test_weights_are_uniform_of_variance_2_by_fan_in(rng):
    for weight in build(ARTICLE, rng).parameters():
        fan_in = weight[0].numel()
        assert weight.abs().max() <= (6 / fan_in) ** 0.5
        noise = (0.8 / weight.numel()) ** 0.5
        assert abs(weight.var() * fan_in / 2 - 1) < 5 * noise
        assert abs(weight.mean()) < 5 * (2 / fan_in / weight.numel()) ** 0.5


def test_layers_have_the_articles_names_and_order(rng):
    before = build(Architecture((2, 3, 4), 5, norm="batch"), rng)
    names = [name for name, _ in before.named_children()]
    assert names == [
        "input_scale", "prep_conv", "prep_norm", "prep_act",
        "layer1_conv", "layer1_norm", "layer1_act", "layer1_pool",
        "layer1_extra_conv", "layer1_extra_norm", "layer1_extra_act",
        "layer2_conv", "layer2_norm", "layer2_act", "layer2_pool",
        "layer2_extra_conv", "layer2_extra_norm", "layer2_extra_act",
        "pool", "classifier_conv", "classifier_scale", "flatten",
    ]  # fmt: skip
    after = build(
        Architecture((2, 3), 5, norm="batch", norm_position="after_activation"), rng
    )
    assert [name for name, _ in after.named_children()][1:4] == [
        "prep_conv", "prep_act", "prep_norm",
    ]  # fmt: skip


@pytest.mark.parametrize("widths", [(2, 3), (2, 3, 4), (1, 2, 3, 4, 5, 6)])
@pytest.mark.parametrize("classes", [2, 20])
def test_any_depth_and_class_count_gives_one_output_per_class(widths, classes, rng):
    network = build(Architecture(widths, classes, norm="batch"), rng)
    assert network(torch.randn(3, 3, 32, 32)).shape == (3, classes)


def test_outputs_are_scaled_as_in_the_article(rng):
    network = build(Architecture((2, 3), 4), rng)
    images = torch.randn(2, 3, 32, 32)
    x = images / 2**0.5
    for name, layer in network.named_children():
        if name not in ("input_scale", "classifier_scale"):
            x = layer(x)
    torch.testing.assert_close(network(images), x * 0.125 / 6**0.5)


@pytest.mark.parametrize("derivatives", [0, 1, 2])
def test_softplus_equals_torchs(derivatives):
    # Off the jump at 0.25, where rounding decides the side.
    x = torch.linspace(-3, 3, 1201, dtype=torch.float64).add(1e-4).requires_grad_()
    ours = softplus.Softplus()(x)
    torchs = torch.nn.functional.softplus(x, beta=10, threshold=2.5)
    for _ in range(derivatives):
        ours, torchs = (
            torch.autograd.grad(y.sum(), x, create_graph=True)[0]
            for y in (ours, torchs)
        )
    torch.testing.assert_close(ours, torchs)


def test_a_frozen_network_equals_its_original_on_the_batch_that_froze_it(rng):
    architecture = Architecture((4, 6, 8), 5, norm="batch")
    active = build(architecture, rng).double()
    images = torch.randn(16, 3, 32, 32, generator=rng, dtype=torch.float64)
    outputs = active(images)
    batch_statistics.refresh(active, [images])
    pixels = [1024, 1024, 256, 256, 64]
    layers = [layer for layer in active if isinstance(layer, torch.nn.BatchNorm2d)]
    for layer, size in zip(layers, pixels, strict=True):
        # Running variances are unbiased, those of the batch are not.
        layer.running_var *= 1 - 1 / (16 * size)
    torch.testing.assert_close(active.eval()(images), outputs)


def test_refreshed_statistics_are_averages_over_the_batches(rng):
    network = build(Architecture((4, 6), 5, norm="batch"), rng)
    images = torch.randn(4, 8, 3, 32, 32, generator=rng)
    batch_statistics.refresh(network, images)
    before_norm = network.prep_conv(network.input_scale(images.flatten(0, 1)))
    torch.testing.assert_close(
        network.prep_norm.running_mean, before_norm.mean(dim=(0, 2, 3))
    )


def test_active_batch_norm_has_no_memory_in_the_analysis(tiny, batches):
    network, ((images, _), (others, _)) = tiny(norm="batch"), batches()
    first = network(images)
    network(others)
    assert torch.equal(network(images), first)


def test_a_saved_network_loads_to_the_same_outputs(tmp_path, rng):
    architecture = Architecture((2, 3), 4, norm="batch", frozen=True)
    network = build(architecture, rng)
    path = str(tmp_path / "network.pt")
    files.save(path, network, architecture, {"seed": "0"})
    loaded, same = files.load(path)
    images = torch.randn(2, 3, 32, 32)
    assert same == architecture
    assert not loaded.training
    assert torch.equal(loaded(images), network(images))


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 cut short", pickle.dumps(print, 2)]
)
def test_a_file_that_is_no_network_is_refused(tmp_path, content):
    path = tmp_path / "network.pt"
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"network\.pt is not a network of this version"
    ):
        files.load(str(path))


def test_a_network_of_another_shape_is_refused(tmp_path, rng):
    network = build(Architecture((2, 3), 4), rng)
    path = str(tmp_path / "network.pt")
    files.save(path, network, Architecture((2, 4), 4), {})
    with pytest.raises(UserError, match="not a network of this version"):
        files.load(path)
