"""A torch module of the user's own, from a function in a file that the config names."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import torch
from torch import nn

from normscope.job import UserError


@dataclass(frozen=True)
class UserModule:
    """What the function gives for that many classes, as `file.py:function`.

    A path that is not absolute starts in the working directory. `frozen` batch norm
    uses fixed statistics.
    """

    module: str
    classes: int
    size: int
    frozen: bool = False


def build(architecture: UserModule, rng: torch.Generator) -> nn.Module:
    """The module that the user's function returns, its weights drawn from the seed of
    `rng` alone.

    Raises UserError where there is no such file or function, and where it returns
    something else.
    """
    function = _function(architecture.module)
    # No devices, as a network is built on the CPU.
    with torch.random.fork_rng(devices=[]), _one_line(architecture.module):
        torch.manual_seed(rng.initial_seed())
        network = function(architecture.classes)
    if not isinstance(network, nn.Module):
        raise UserError(
            f"{architecture.module} returns {type(network).__name__}; let it return a "
            "torch.nn.Module"
        )
    if not any(weight.requires_grad for weight in network.parameters()):
        raise UserError(
            f"{architecture.module} returns a module without trainable parameters"
        )
    return network.train(not architecture.frozen)


def _function(place: str) -> Callable[[int], nn.Module]:
    file, _, name = place.rpartition(":")
    path = Path(file).expanduser()
    if not path.is_file():
        raise UserError(f"{place}: there is no file {path.resolve()}")
    spec = spec_from_file_location(f"module of a user, {path.stem}", path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    folder = str(path.resolve().parent)
    if folder not in sys.path:  # last, so that no file there hides a package
        sys.path.append(folder)
    with _one_line(str(path)):
        spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise UserError(f"{place}: {path} has no function {name}")
    return function


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """What the user's code raises as a UserError; the log has its traceback."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        line = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise UserError(f"{name} cannot be run: {line}") from error
