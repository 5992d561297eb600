"""A network as a graph of functions, by symbolic tracing."""

import inspect
import operator
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.func import functional_call
from torch.fx.node import map_arg

from normscope.curvature.spelled_out import SPELLED_OUT
from normscope.networks.parameters import detached

NAMESPACES = (torch.nn.functional, torch, operator, Tensor)
CLOSE = 1e-3  # of the largest output: rounding, in whatever order things are summed


class Whole:
    """A module as one function of its parameters and inputs."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.__name__ = module, type(module).__name__

    def __call__(self, parameters: dict[str, Tensor], *args: Any, **kwargs: Any) -> Any:
        """Its output. Its buffers stay as they are."""
        buffers = {name: value.clone() for name, value in self.module.named_buffers()}
        return functional_call(self.module, (buffers, parameters), args, kwargs)


class Tracer(fx.Tracer):
    """Follows calls into modules, down to functions of parameters and tensors.

    A module that it cannot look into is one function, and so are those with hooks, with
    derivatives of their own, and `opaque`.
    """

    def __init__(self, opaque: nn.Module | None) -> None:
        super().__init__()
        self.opaque = opaque

    def call_module(
        self, module: nn.Module, forward: Callable, args: tuple, kwargs: dict
    ) -> Any:
        hooked = module._forward_hooks or module._forward_pre_hooks
        if hooked or module is self.opaque or hasattr(module, "derivatives"):
            return super().call_module(module, self._whole(module), args, kwargs)
        if type(module) in SPELLED_OUT:
            forward = partial(SPELLED_OUT[type(module)], module)
        before, stack = len(self.graph.nodes), list(self.module_stack.items())
        try:
            return super().call_module(module, forward, args, kwargs)
        except Exception:  # whatever its code raises on what is no tensor
            for node in list(reversed(self.graph.nodes))[:-before]:
                self.graph.erase_node(node)
            self.module_stack.clear()
            self.module_stack.update(stack)
            return super().call_module(module, self._whole(module), args, kwargs)

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return False  # a module that is one function calls it, in place of its forward

    def getattr(self, name: str, value: Any, cache: dict) -> Any:
        """A parameter as a node of its own at each use, as nodes may be erased."""
        return super().getattr(name, value, {})

    def _whole(self, module: nn.Module) -> Callable:
        def call(*args: Any, **kwargs: Any) -> fx.Proxy:
            parameters = dict(module.named_parameters())
            return self.create_proxy(
                "call_function", Whole(module), (parameters, *args), kwargs
            )

        return call


class Holder(nn.Module):
    """The network as a part, so that it is called as any other module."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Any) -> Any:
        return self.network(images)


class Traced:
    """A network's functions in order: those that its output depends on.

    `parameters` has the names of the trainable parameters, by their nodes.
    """

    def __init__(self, network: nn.Module, opaque: nn.Module | None = None) -> None:
        self.holder = Holder(network)
        graph = Tracer(opaque).trace(self.holder)
        (self.output,) = graph.output_node().all_input_nodes
        used = {self.output}
        for node in reversed(graph.nodes):
            if node in used:
                used.update(node.all_input_nodes)
        self.nodes = [node for node in graph.nodes if node in used]
        names = {id(network.get_parameter(name)): name for name in detached(network)}
        self.parameters = {}
        for node in self.nodes:
            if node.op in ("call_function", "call_method"):
                _make_out_of_place(node)
            elif node.op == "get_attr":
                name = names.get(id(attrgetter(node.target)(self.holder)))
                if name is not None:
                    self.parameters[node] = name

    @torch.no_grad()
    def values(self, images: Tensor) -> dict[fx.Node, Any]:
        """What each function gives for the images."""
        values: dict[fx.Node, Any] = {}
        for node in self.nodes:
            if node.op == "placeholder":
                values[node] = images
            elif node in self.parameters:
                values[node] = attrgetter(node.target)(self.holder).detach()
            elif node.op == "get_attr":
                # A copy: functions may keep statistics of their inputs in it.
                value = attrgetter(node.target)(self.holder)
                values[node] = value.clone() if isinstance(value, Tensor) else value
            else:
                args, kwargs = map_arg((node.args, node.kwargs), values.__getitem__)
                values[node] = function_of(node)(*args, **kwargs)
        return values


def traced(network: nn.Module, images: Tensor) -> Traced:
    """The network as far as it can be looked into: as one function where what was
    traced gives something else for the images.
    """
    with torch.no_grad():
        expected = Whole(network)(dict(network.named_parameters()), images)
    graph = Traced(network)
    try:
        found = graph.values(images)[graph.output]
        close = (found - expected).abs().max() <= CLOSE * expected.abs().max()
    except Exception:  # whatever a function raises that was traced wrongly
        close = False
    return graph if close else Traced(network, opaque=network)


def function_of(node: fx.Node) -> Callable:
    """What the node calls with its arguments."""
    if node.op == "call_function":
        return node.target
    return lambda self, *args, **kwargs: getattr(self, node.target)(*args, **kwargs)


def name_of(node: fx.Node) -> str | None:
    """The function's or method's name, if it is one of torch's."""
    if node.op == "call_method":
        return node.target
    name = getattr(node.target, "__name__", None)
    known = name and any(
        getattr(space, name, None) is node.target for space in NAMESPACES
    )
    return name if known else None


def _make_out_of_place(node: fx.Node) -> None:
    """Let the node call the function that does the same and changes no argument."""
    name = name_of(node)
    if node.target is getattr and node.args[1] == "mT":
        node.target, node.args = torch.transpose, (node.args[0], -2, -1)
    if name is None:
        return
    if node.op == "call_method":
        if name.endswith("_") and not name.endswith("__"):
            node.target = name[:-1]
    elif node.target is getattr(operator, name, None):
        if name.startswith("i") and hasattr(operator, name[1:]):
            node.target = getattr(operator, name[1:])
    elif name.endswith("_"):
        node.target = getattr(torch, name[:-1])
    else:
        try:
            bound = inspect.signature(node.target).bind(*node.args, **node.kwargs)
        except (TypeError, ValueError):  # a function that is not Python's
            return
        if bound.arguments.get("inplace"):
            bound.arguments["inplace"] = False
            node.args, node.kwargs = bound.args, bound.kwargs
