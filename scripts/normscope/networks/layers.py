"""The layers of any network: its leaf modules, in the order in which they run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn

from normscope.networks import conv_net

# A network's outputs, and what files hold of them beside their layers.
LOGITS, RESERVED = "logits", ("logits", "values", "predicted_share")
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
Look = Callable[[str, nn.Module, Tensor], None]


def leaves(network: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Name and module of each layer: what has no parts, or is a layer of torch.nn, such
    as attention, that computes with its parts' weights itself.

    A module in two places has its first name alone.
    """
    yield from _unseen(network, name, set())


@contextmanager
def looking(network: nn.Module, look: Look) -> Iterator[None]:
    """Call `look` with name, module and output of every layer as it runs.

    A layer that runs again within one pass is name:2, name:3, ..., and one that is
    called as what is RESERVED is name:2 at first. Outputs that are no tensor are not
    shown; of several, as of attention, the first is.
    """
    runs = dict.fromkeys(RESERVED, 1)
    hooks = [
        layer.register_forward_hook(partial(_hook, look, runs, name))
        for name, layer in leaves(network)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def outputs_of(network: nn.Module) -> str:
    """The name of its outputs: that of the conv net's last scale, or LOGITS."""
    is_conv_net = conv_net.OUTPUTS in dict(network.named_children())
    return conv_net.OUTPUTS if is_conv_net else LOGITS


def is_norm(layer: nn.Module) -> bool:
    """Whether its class is called a norm."""
    return "norm" in type(layer).__name__.lower()


def has_matrix(layer: nn.Module) -> bool:
    """Whether it has weights from inputs to outputs, as a convolution has."""
    return any(weight.ndim > 1 for weight in layer.parameters())


def _unseen(
    module: nn.Module, name: str, seen: set[nn.Module]
) -> Iterator[tuple[str, nn.Module]]:
    if module in seen:
        return
    seen.add(module)
    if _is_layer(module):
        yield name, module
        return
    for key, part in module.named_children():
        yield from _unseen(part, f"{name}.{key}" if name else key, seen)


def _hook(
    look: Look,
    runs: dict[str, int],
    name: str,
    module: nn.Module,
    inputs: tuple,
    outputs: object,
) -> None:
    """Show the outputs of the layer of that name, and count its run."""
    runs[name] = runs.get(name, 0) + 1
    again = f"{name}:{runs[name]}" if runs[name] > 1 else name
    first = outputs[0] if isinstance(outputs, tuple) else outputs
    if isinstance(first, Tensor):
        look(again, module, first)


def _is_layer(module: nn.Module) -> bool:
    if isinstance(module, CONTAINERS):
        return False
    is_torchs = type(module).__module__.startswith("torch.nn.")
    return is_torchs or next(module.children(), None) is None
