"""How large networks are, for the scheduler, and whether they can be used: without
their weights, on torch's meta device.
"""

import json
import sys
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from normscope.job import UserError
from normscope.networks import batch_statistics, variants
from normscope.networks.layers import has_matrix, looking
from normscope.networks.module_checks import require_shape

BATCH = 2  # images; batch norm needs two where they have one pixel


def sizes(settings: Mapping) -> dict[str, int]:
    """Sizes of the network that `variants.architecture` makes of these settings.

    Its trainable `parameters`, and of one image the `activations`, all numbers that its
    layers with weights put out, and the `flops` of a pass forward; and 1 or 0 for
    `freezable`. What does not run on the meta device is measured on the CPU. Raises
    UserError where the outputs are not (N, classes).
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
            require_shape(network(images), BATCH, architecture.classes)
    return {
        "parameters": sum(w.numel() for w in network.parameters() if w.requires_grad),
        "activations": outputs // BATCH,
        "flops": counter.get_total_flops() // BATCH,
        "freezable": int(batch_statistics.can_be_frozen(network)),
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
