"""How large networks are, for the scheduler: without their weights, on torch's meta
device.
"""

import json
import sys
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from normscope.job import UserError
from normscope.networks import variants
from normscope.networks.layers import has_matrix, looking

BATCH = 2  # images; batch norm needs two where they have one pixel


def sizes(settings: Mapping) -> dict[str, int]:
    """Sizes of the network that `variants.architecture` makes of these settings.

    Its trainable `parameters`, and of one image the `activations`, all numbers that its
    layers with weights put out, and the `flops` of a pass forward. What does not run on
    the meta device is measured on the CPU.
    """
    try:
        return _sizes(settings, "meta")
    except (RuntimeError, NotImplementedError, UserError):
        return _sizes(settings, "cpu")


@torch.no_grad()
def _sizes(settings: Mapping, device: str) -> dict[str, int]:
    outputs = 0

    def look(name: str, layer: nn.Module, values: Tensor) -> None:
        nonlocal outputs
        if has_matrix(layer):
            outputs += values.numel()

    with torch.device(device):
        architecture = variants.architecture(**settings)
        network = variants.build(architecture, torch.Generator()).eval()
        images = torch.zeros(BATCH, 3, architecture.size, architecture.size)
        with looking(network, look), FlopCounterMode(display=False) as counter:
            network(images)
    return {
        "parameters": sum(w.numel() for w in network.parameters() if w.requires_grad),
        "activations": outputs // BATCH,
        "flops": counter.get_total_flops() // BATCH,
    }


if __name__ == "__main__":
    found = {}
    for name, settings in json.load(sys.stdin).items():
        try:
            found[name] = sizes(settings)
        except Exception as error:
            line = str(error).partition("\n")[0]
            sys.exit(f"config key networks.{name}: the network cannot run: {line}")
    print(json.dumps(found))
