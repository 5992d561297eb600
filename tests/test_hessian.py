"""The Hessian operator against dense Hessians made by other routes, in float64."""

import os
import subprocess
import sys
import weakref

import pytest
import torch
from conftest import KINDS
from running import ROOT
from torch.func import functional_call

from normscope.curvature import convolution_rules
from normscope.curvature.batch_norm_rules import ActiveBatchNorm
from normscope.curvature.hessian import Hessian, Projected
from normscope.curvature.linearised_gradient import LinearisedGradient
from normscope.curvature.rules import Point
from normscope.curvature.subspaces import orthonormal_groups
from normscope.networks.parameters import detached, flatten, unflatten


def total_loss(network, loss, batches):
    """The loss as a function of the flat vector, without the operator's machinery."""
    parameters = detached(network)

    def of_vector(vector):
        named = unflatten(vector, parameters)
        values = [loss(functional_call(network, named, x), y) for x, y in batches]
        return torch.stack(values).mean()

    return of_vector, flatten(parameters.values())


def dense_hessian(network, loss, batches):
    """Row by row by double backward; batch statistics are part of the graph."""
    of_vector, point = total_loss(network, loss, batches)
    point.requires_grad_()
    (gradient,) = torch.autograd.grad(of_vector(point), point, create_graph=True)
    return torch.stack(
        [torch.autograd.grad(entry, point, retain_graph=True)[0] for entry in gradient]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory_gb", [0.0, 1.0])
def test_products_equal_those_of_the_dense_hessian(
    kind, memory_gb, tiny, batches, loss, rng
):
    network, data = tiny(**KINDS[kind]), batches()
    dense = dense_hessian(network, loss, data)
    hessian = Hessian(network, loss, data, memory_gb)
    vectors = torch.randn(9, hessian.dimension, generator=rng, dtype=torch.float64)
    products = torch.stack([hessian(vector) for vector in vectors])
    assert dense.abs().max() > 1e-4
    torch.testing.assert_close(products, vectors @ dense, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("least", [1, 10**9], ids=["transformed", "plain"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_product_leaves_all_as_it_was_for_the_next(
    kind, least, tiny, batches, loss, rng, monkeypatch
):
    """Rules write over the tangents that they are given, and over nothing else."""
    monkeypatch.setattr(convolution_rules, "LEAST_CHANNELS", least)
    monkeypatch.setattr(convolution_rules, "LEAST_PRODUCTS", least)
    hessian = Hessian(tiny(**KINDS[kind]), loss, batches(), 1.0)
    vector = torch.randn(hessian.dimension, generator=rng, dtype=torch.float64)
    given = vector.clone()
    first, second = hessian(vector), hessian(vector)
    assert torch.equal(first, second)
    assert torch.equal(vector, given)


@pytest.mark.parametrize("kind", KINDS)
def test_ties_in_plain_areas_of_images_fall_as_in_the_network(
    kind, tiny, batches, loss, rng
):
    network, data = tiny(**KINDS[kind]), batches()
    for images, _ in data:
        images[:, :, 16:] = 0
    dense = dense_hessian(network, loss, data)
    vector = torch.randn(len(dense), generator=rng, dtype=torch.float64)
    product = Hessian(network, loss, data, 1.0)(vector)
    torch.testing.assert_close(product, dense @ vector, rtol=1e-9, atol=1e-12)


def test_batch_norm_in_float32_is_as_exact_as_its_numbers(rng):
    """Over a quarter of a million pixels, of which the mean is not 0."""
    doubles = [
        torch.randn(256, 16, 32, 32, generator=rng, dtype=torch.float64).add_(1)
        for _ in range(4)
    ]

    def products(dtype):
        x, g, dx, dg = (
            tensor.to(dtype, memory_format=torch.channels_last, copy=True)
            for tensor in doubles
        )
        at = Point(frozenset({"input"}), frozenset(), g, reused=True)
        rule = ActiveBatchNorm(at, x, None, 1e-5)
        dy, kept = rule.forward({"input": dx})
        return dy, rule.backward(kept, dg)["input"]

    for one, other in zip(
        products(torch.float32), products(torch.float64), strict=True
    ):
        assert (one - other).norm() < 1e-5 * other.norm()


@pytest.mark.parametrize("kind", ["no norm", "active batch norm", "frozen batch norm"])
def test_products_equal_finite_differences_of_the_gradient(
    kind, tiny, batches, loss, rng
):
    network, data = tiny(**KINDS[kind]), batches()
    of_vector, point = total_loss(network, loss, data)
    direction = torch.randn(len(point), generator=rng, dtype=torch.float64)

    def gradient(at):
        at = at.clone().requires_grad_()
        return torch.autograd.grad(of_vector(at), at)[0]

    step = 1e-7
    difference = gradient(point + step * direction) - gradient(point - step * direction)
    product = Hessian(network, loss, data, 1.0)(direction)
    error = (product - difference / (2 * step)).norm() / product.norm()
    assert error < 1e-5


def test_active_batch_norm_is_differentiated_through_its_statistics(
    tiny, batches, loss
):
    """With the statistics held fixed the Hessian is another one."""
    network, data = tiny(norm="batch"), batches(count=1)
    active = Hessian(network, loss, data, 1.0)
    pixels = {"prep_norm": 1024, "layer1_norm": 1024, "layer1_extra_norm": 256}
    layers = {name: network.get_submodule(name) for name in pixels}
    for layer in layers.values():
        layer.momentum, layer.track_running_stats = 1.0, True
    images, _ = data[0]
    network(images)
    for name, layer in layers.items():
        layer.running_var *= 1 - 1 / (len(images) * pixels[name])
    frozen = Hessian(network.eval(), loss, data, 1.0)
    torch.testing.assert_close(frozen.kept[0].logits, active.kept[0].logits)
    vector = torch.ones(active.dimension, dtype=torch.float64)
    assert (active(vector) - frozen(vector)).norm() > 0.1 * frozen(vector).norm()


def test_a_common_shift_of_all_logits_is_flat(tiny, batches, loss):
    network, data = tiny(norm="batch"), batches()
    hessian = Hessian(network, loss, data, 1.0)
    shift = {
        name: torch.zeros_like(value) for name, value in hessian.parameters.items()
    }
    shift["classifier_conv.weight"] += torch.rand(1, 3, 1, 1, dtype=torch.float64)
    assert hessian(flatten(shift.values())).norm() < 1e-14


def test_projection_annihilates_the_subspace_and_keeps_symmetry(
    tiny, batches, loss, rng
):
    hessian = Hessian(tiny(norm="none"), loss, batches(), 1.0)
    vectors = torch.randn(4, hessian.dimension, generator=rng, dtype=torch.float64)
    (rows,) = map(torch.from_numpy, orthonormal_groups([vectors.numpy()]))
    rows = torch.linalg.qr(rows.double().T)[0].T
    projected = Projected(hessian, rows)
    for row in rows:
        assert projected(row).norm() < 1e-14
    u, v = torch.randn(2, hessian.dimension, generator=rng, dtype=torch.float64)
    assert (rows @ projected(u)).norm() < 1e-14 + 1e-12 * projected(u).norm()
    torch.testing.assert_close(v @ projected(u), u @ projected(v))


def test_batches_of_one_class_are_as_good_as_any(tiny, batches, loss):
    network = tiny(norm="batch")
    data = [(images, torch.full_like(labels, 2)) for images, labels in batches()]
    dense = dense_hessian(network, loss, data)
    vector = torch.ones(len(dense), dtype=torch.float64)
    product = Hessian(network, loss, data, 1.0)(vector)
    torch.testing.assert_close(product, dense @ vector, rtol=1e-9, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_products_on_a_gpu_equal_those_on_the_cpu(kind, tiny, batches, loss):
    network, data = tiny(**KINDS[kind]), batches()
    vector = torch.ones(sum(w.numel() for w in network.parameters())).double()
    on_cpu = Hessian(network, loss, data, 1.0)(vector)
    data = [(images.cuda(), labels.cuda()) for images, labels in data]
    on_gpu = Hessian(network.cuda(), loss, data, 1.0)(vector.cuda())
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-9, atol=1e-12)


def test_softmax_regression_has_its_closed_form(loss, rng):
    """One 1x1 convolution: H = E[(diag p - p p') kron h h'], scaled by smoothing."""
    network = torch.nn.Sequential()
    network.add_module("classifier_conv", torch.nn.Conv2d(3, 4, 1, bias=False))
    network.add_module("flatten", torch.nn.Flatten())
    network.double()
    features = torch.randn(5, 3, 1, 1, generator=rng, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 0])
    hessian = Hessian(network, loss, [(features, labels)], 1.0)
    p = network(features).softmax(1)
    h = features.flatten(1)
    spread = torch.diag_embed(p) - p[:, :, None] * p[:, None]
    expected = 1.5 * torch.einsum("nab,ni,nj->aibj", spread, h, h) / 5
    product = torch.stack([hessian(unit) for unit in torch.eye(12).double()])
    torch.testing.assert_close(product, expected.reshape(12, 12).detach())


@pytest.mark.parametrize(("room", "kept"), [(0.5, 0), (2.5, 0), (3.5, 1), (4.5, 3)])
def test_batches_are_kept_as_far_as_memory_goes(room, kept, tiny, batches, loss):
    """What one product needs for the others is left free."""
    network, data = tiny(), batches(count=3)
    one = Hessian(network, loss, data[:1], 1.0).kept[0].nbytes / 2**30
    hessian = Hessian(network, loss, data, room * one)
    assert len(hessian.kept) == kept
    vector = torch.ones(hessian.dimension, dtype=torch.float64)
    everything = Hessian(network, loss, data, 1.0)
    torch.testing.assert_close(hessian(vector), everything(vector))


def test_a_batch_that_is_not_kept_is_gone_when_the_next_is_made(
    tiny, batches, loss, monkeypatch
):
    alive, most = weakref.WeakSet(), []

    class Counted(LinearisedGradient):
        def __init__(self, *arguments):
            alive.add(self)
            most.append(len(alive))
            super().__init__(*arguments)

    monkeypatch.setattr("normscope.curvature.hessian.LinearisedGradient", Counted)
    operator = Hessian(tiny(norm="batch"), loss, batches(count=3), 0.0)
    operator(torch.ones(operator.dimension, dtype=torch.float64))
    assert len(most) == 4
    assert max(most) == 1


@pytest.mark.hand
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["active batch norm", "frozen batch norm", "no norm"])
def test_memory_gb_bounds_what_products_take(kind):
    """Within a fifth, where it holds one of four batches, or none."""
    code = f"""
import psutil, torch
from normscope import devices
from normscope.curvature.hessian import Hessian
from normscope.networks import conv_net
from normscope.networks.losses import smoothed_cross_entropy
devices.prepare("cpu", 2)
rng = torch.Generator().manual_seed(0)
architecture = conv_net.Architecture((16, 32, 64, 128), 10, **{KINDS[kind]})
network = conv_net.build(architecture, rng).to(memory_format=torch.channels_last)
images = torch.randn(1024, 3, 32, 32, generator=rng)
images = images.to(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (1024,), generator=rng)
batches = list(zip(images.split(256), labels.split(256)))
loss = lambda logits, labels: smoothed_cross_entropy(logits, labels, 0.5)
before = psutil.Process().memory_info().rss
hessian = Hessian(network, loss, batches, 1.0)
for _ in range(2):
    hessian(torch.randn(hessian.dimension, generator=rng))
lines = open("/proc/self/status").read().splitlines()
(peak,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print((peak * 1024 - before) / 2**30)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert float(done.stdout) < 1.2
