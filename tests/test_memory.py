"""Memory that a gradient needs, predicted, against what autograd keeps."""

import pytest
import torch
from running import ROOT
from torch import nn

from normscope.job import UserError
from normscope.networks import memory, variants


def kept_gigabytes(network, images):
    """By the tensors that a pass on the CPU keeps, and the weights' gradients."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = network(images)
    assert outputs.requires_grad
    total = sum(storage.nbytes() for storage in kept.values())
    return (total + sum(w.nbytes for w in network.parameters())) / 2**30


@pytest.mark.parametrize(
    "line",
    [
        {"norm": "batch"},
        {"norm": "none", "shortcuts": True},
        {"module": f"{ROOT}/examples/my_networks.py:small_resnet"},
    ],
)
def test_the_prediction_is_what_autograd_keeps(line, rng):
    described = variants.architecture(line, [4, 8], "softplus", classes=5, size=32)
    network = variants.build(described, rng)
    images = torch.randn(16, 3, 32, 32, generator=rng)
    before = [value.clone() for value in network.state_dict().values()]
    predicted = memory.gradient_gigabytes(network, images)
    after = network.state_dict().values()
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert predicted == pytest.approx(kept_gigabytes(network, images), rel=0.1)


def test_too_little_memory_is_said_with_what_is_needed():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 1000), nn.ReLU())
    images = torch.zeros(1000, 3, 32, 32)
    memory.require_room(network, images, 1.0, "hessian.batch_size")
    with pytest.raises(UserError) as refusal:
        memory.require_room(network, images, 0.01, "hessian.batch_size")
    assert str(refusal.value).startswith(
        "config key hessian.batch_size: a gradient on 1000 images needs 0.027 GB"
    )


def test_a_network_that_has_no_pass_on_meta_is_let_through():
    class Asking(nn.Linear):
        def forward(self, x):
            return super().forward(x) * float(x.sum() > 0)

    assert memory.gradient_gigabytes(Asking(2, 2), torch.ones(1, 2)) == 0
