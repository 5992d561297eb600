"""What runs in any module: its layers, and what joins their outputs, with sources."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from normscope.networks.layers import leaves, looking

INPUT = "input"
Sources = tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """A layer, or a function outside layers that joins what several gave.

    `sources` are positions in the list of runs: it takes their outputs. `size` is the
    shape of its own output, without the batch.
    """

    name: str
    layer: nn.Module | None
    size: tuple[int, ...]
    sources: Sources


@torch.no_grad()
def runs_of(network: nn.Module, inputs: Tensor) -> list[Run]:
    """The runs in their order, after one for these inputs. Identities are left out."""
    recorder = _Recorder(inputs)
    with ExitStack() as stack:
        for _, layer in leaves(network):
            before = layer.register_forward_pre_hook(recorder.enter, with_kwargs=True)
            after = layer.register_forward_hook(recorder.leave)
            stack.callback(before.remove)
            stack.callback(after.remove)
        stack.enter_context(looking(network, recorder.look))
        stack.enter_context(recorder)
        network(inputs)
    return recorder.runs


class _Recorder(TorchFunctionMode):
    """Follows tensors from run to run through functions of one of them."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.runs = [Run(INPUT, None, tuple(inputs.shape[1:]), ())]
        # Tensors are kept, as another could get the id of one that went.
        self.known = {id(inputs): (inputs, 0)}
        self.running: list[Sources] = []  # of the layers that run now
        self.left: Sources = ()  # of the layer that ended last

    def enter(self, layer: nn.Module, args: tuple, kwargs: dict) -> None:
        self.running.append(self._sources((args, kwargs)))

    def leave(self, layer: nn.Module, args: tuple, outputs: Any) -> None:
        self.left = self.running.pop()

    def look(self, name: str, layer: nn.Module, outputs: Tensor) -> None:
        if not isinstance(layer, nn.Identity):
            self._add(name, layer, outputs, self.left)

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        outputs = function(*args, **(kwargs or {}))
        if self.running:
            return outputs
        sources = self._sources((args, kwargs))
        found = [*_tensors(outputs)]
        if len(sources) > 1 and found:
            self._add(function.__name__.strip("_"), None, found[0], sources)
        elif sources:
            self.known |= {id(output): (output, *sources) for output in found}
        return outputs

    def _add(
        self, name: str, layer: nn.Module | None, outputs: Tensor, sources: Sources
    ) -> None:
        self.known[id(outputs)] = (outputs, len(self.runs))
        self.runs.append(Run(name, layer, tuple(outputs.shape[1:]), sources))

    def _sources(self, arguments: Any) -> Sources:
        """Positions of the runs that gave the tensors among the arguments."""
        found = [self.known.get(id(tensor)) for tensor in _tensors(arguments)]
        return tuple(sorted({known[1] for known in found if known}))


def _tensors(nested: Any) -> Iterator[Tensor]:
    """The tensors in lists, tuples and dictionaries."""
    return (leaf for leaf in tree_leaves(nested) if isinstance(leaf, Tensor))
