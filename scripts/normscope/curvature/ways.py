"""Which way each function of a network went: by a rule of its own, or by autograd."""

from collections.abc import Sequence

from torch import fx

from normscope.curvature.autograd_rule import ByAutograd
from normscope.curvature.function_rules import Step


def ways(steps: Sequence[Step]) -> str:
    """How many functions went which way, and the places of those that autograd took,
    which takes two to three times as long.
    """
    slow = [place(step.node) for step in steps if isinstance(step.rule, ByAutograd)]
    if len(steps) == len(slow) == 1 and steps[0].node.meta["nn_module_stack"]:
        return f"Hessian products by autograd around all of {slow[0]}"
    text = f"Hessian products by rules for {len(steps) - len(slow)} functions"
    return f"{text}, by autograd for {len(slow)}: {', '.join(slow)}" if slow else text


def place(node: fx.Node) -> str:
    """The module that calls the function, and the function's name."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    path = stack[-1][0].removeprefix("network").removeprefix(".") if stack else ""
    name = getattr(node.target, "__name__", node.target)
    return f"{path}: {name}" if path else str(name)
