"""Variants of the network, built and run by one line of a config."""

import pytest
import torch
from torch import nn

from normscope.job import UserError
from normscope.networks import batch_statistics, files, placing, variants
from normscope.networks.norms import layer
from normscope.networks.norms.weight_standardised import Convolution
from normscope.networks.residual import Add

LINES = {
    "affine": {"norm": "batch", "affine": "both"},
    "scale of groups": {"norm": "group", "affine": "scale"},
    "shift of instances": {"norm": "instance", "affine": "shift"},
    "one norm": {"norm": "batch", "norm_layers": ["layer1_extra"]},
    "norm of logits": {"norm": "batch", "norm_layers": ["logits"]},
    "ghost batches": {"norm": "batch", "ghost_batch": 3},
    "shortcuts": {"norm": "batch", "shortcuts": True},
    "shortcuts without norm": {"norm": "none", "shortcuts": True},
    "shortcuts, norm after": {
        "norm": "batch", "shortcuts": True, "norm_position": "after_activation",
    },
    "mean pools": {"norm": "layer", "pool": "mean"},
    "strides": {"norm": "batch", "pool": "stride", "shortcuts": True},
    "standardised weights": {"norm": "weight_standardised"},
}  # fmt: skip


def described(line, size=32):
    return variants.architecture(line, [2, 3, 4], "softplus", 5, size)


def built(line, rng, size=32):
    return variants.build(described(line, size), rng)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("size", [16, 32, 64])
def test_every_variant_gives_one_output_per_class(line, size, rng):
    network = built(LINES[line], rng, size)
    images = torch.randn(6, 3, size, size, generator=rng)
    outputs = network(images)
    assert outputs.shape == (6, 5)
    assert outputs.isfinite().all()
    outputs.square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


@pytest.mark.parametrize("line", LINES)
def test_a_saved_variant_loads_to_the_same_outputs(line, tmp_path, rng):
    architecture = described(LINES[line])
    network = variants.build(architecture, rng)
    images = torch.randn(6, 3, 32, 32, generator=rng)
    network(images)
    path = str(tmp_path / "network.pt")
    files.save(path, network, architecture, {})
    loaded, same = files.load(path, 5)
    assert same == architecture
    assert torch.equal(loaded.eval()(images), network.eval()(images))


class Scaled(nn.Module):
    """A norm whose scale is an attribute that is None at first."""

    def __init__(self):
        super().__init__()
        self.weight = None

    def forward(self, x):
        return x if self.weight is None else x * self.weight[:, None, None]


def test_a_norms_attribute_that_is_none_can_be_learnt(rng, monkeypatch):
    monkeypatch.setattr(layer, "build", lambda channels: Scaled())
    network = built({"norm": "layer", "affine": "scale"}, rng)
    names = [name for name, _ in network.named_parameters() if "_norm." in name]
    assert names
    assert all(name.endswith(".weight") for name in names)


def test_affine_norms_start_as_norms_without(rng):
    plain = built({"norm": "group"}, torch.Generator().manual_seed(1))
    affine = built(
        {"norm": "group", "affine": "both"}, torch.Generator().manual_seed(1)
    )
    images = torch.randn(4, 3, 32, 32, generator=rng)
    torch.testing.assert_close(affine(images), plain(images))
    names = [name for name, _ in affine.named_parameters() if "_norm." in name]
    assert len(names) == 10
    scaled = built({"norm": "group", "affine": "scale"}, rng)
    assert scaled.prep_norm.bias is None
    assert scaled.prep_norm.weight.tolist() == [1, 1]


def test_norms_are_only_behind_the_layers_that_are_named(rng):
    line = {"norm": "batch", "norm_layers": ["prep", "layer2_extra", "logits"]}
    names = [name for name, _ in built(line, rng).named_children()]
    assert [name for name in names if name.endswith("_norm")] == [
        "prep_norm", "layer2_extra_norm", "classifier_norm",
    ]  # fmt: skip
    assert names.index("classifier_norm") == names.index("classifier_conv") + 1


def test_a_ghost_batch_is_normalised_by_itself(rng):
    ghost = built({"norm": "batch", "ghost_batch": 4}, torch.Generator().manual_seed(1))
    plain = built({"norm": "batch"}, torch.Generator().manual_seed(1))
    images = torch.randn(8, 3, 32, 32, generator=rng)
    apart = torch.cat([plain(part) for part in images.split(4)])
    torch.testing.assert_close(ghost(images), apart)
    assert not torch.allclose(plain(images), apart, rtol=1e-3)
    batch_statistics.refresh(ghost, [images])
    batch_statistics.refresh(plain, images.split(4))
    torch.testing.assert_close(ghost.eval()(images), plain.eval()(images))


def test_a_frozen_ghost_batch_norm_is_a_plain_one(tmp_path, rng):
    architecture = described({"norm": "batch", "ghost_batch": 3})
    network = variants.build(architecture, rng)
    images = torch.randn(6, 3, 32, 32, generator=rng)
    batch_statistics.refresh(network, [images])
    path = str(tmp_path / "network.pt")
    settings = vars(architecture) | {"frozen": True}
    files.save(path, network, variants.of_settings(settings), {})
    frozen, _ = files.load(path)
    assert type(frozen.prep_norm) is nn.BatchNorm2d
    torch.testing.assert_close(frozen(images), network.eval()(images))


def test_a_shortcut_goes_around_a_pair_of_blocks(rng):
    """By the network's own layers, called one by one."""
    network = built({"norm": "batch", "shortcuts": True}, rng)
    images = torch.randn(4, 3, 32, 32, generator=rng)
    part = dict(network.named_children())

    def run(x, *names):
        for name in names:
            x = part[name](x)
        return x

    x = run(images, "input_scale", "prep_conv", "prep_norm", "prep_act")
    for pair in ("layer1", "layer2"):
        kinds = ["_conv", "_norm", "_act", "_pool", "_extra_conv", "_extra_norm"]
        branch = run(x, *(pair + kind for kind in kinds))
        around = run(x, f"{pair}_shortcut_conv", f"{pair}_shortcut_norm")
        x = run(branch + around, f"{pair}_extra_act")
    x = run(x, "pool", "classifier_conv", "classifier_scale", "flatten")
    torch.testing.assert_close(network(images), x)


def test_a_network_with_shortcuts_can_be_traced(rng):
    network = built({"norm": "batch", "shortcuts": True}, rng).eval()
    images = torch.randn(2, 3, 32, 32, generator=rng)

    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, module, name):
            return not isinstance(module, Add)

    traced = torch.fx.GraphModule(network, Tracer().trace(network))
    assert sum(node.op == "call_function" for node in traced.graph.nodes) == 2
    torch.testing.assert_close(traced(images), network(images))


def test_standardised_filters_have_mean_0_and_hes_variance(rng):
    conv = Convolution(3, 4, 3, padding=1, bias=False).double()
    with torch.no_grad():
        conv.weight.mul_(torch.arange(1, 5)[:, None, None, None]).add_(0.3)
        identity = torch.eye(27, dtype=torch.float64).view(27, 3, 3, 3)
        filters = conv(identity)[:, :, 1, 1]
    torch.testing.assert_close(filters.mean(dim=0), torch.zeros(4).double())
    variance = filters.var(dim=0, correction=0)
    torch.testing.assert_close(
        variance, torch.full((4,), 2 / 27).double(), rtol=1e-3, atol=0
    )


def test_a_scale_of_the_weights_is_a_factor(rng):
    plain = built({"norm": "none"}, torch.Generator().manual_seed(1))
    scaled = built(
        {"norm": "none", "init_scale": 0.5}, torch.Generator().manual_seed(1)
    )
    for ours, theirs in zip(scaled.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs / 2)


def test_a_norm_that_learns_nothing_is_refused(rng, monkeypatch):
    from normscope.networks.norms import layer

    monkeypatch.setattr(layer, "build", lambda channels: nn.Identity())
    with pytest.raises(UserError, match="the norm layer has no learnable shift"):
        built({"norm": "layer", "affine": "shift"}, rng)


@pytest.mark.parametrize(("widths", "has_it"), [([2, 3], False), ([8, 3], True)])
def test_narrow_shortcuts_are_trained_without_onednn(widths, has_it, rng):
    """With it torch would write beyond their memory."""
    line = {"norm": "batch", "shortcuts": True}
    described = variants.architecture(line, widths, "softplus", 5, 32)
    network = variants.build(described, rng)
    images = torch.randn(6, 3, 32, 32, generator=rng)
    images = images.to(memory_format=torch.channels_last)
    before = torch.backends.mkldnn.enabled
    try:
        placed = placing.place(network, torch.device("cpu"))
        assert torch.backends.mkldnn.enabled == (before and has_it)
        placed(images).square().sum().backward()
    finally:
        torch.backends.mkldnn.enabled = before
    assert all(weight.grad.isfinite().all() for weight in placed.parameters())
