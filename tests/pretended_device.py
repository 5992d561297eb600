"""The CPU posing as an accelerator, for code whose GPU is elsewhere.

Within `PretendedDevice()` tensors can be on DEVICE: CPU tensors in disguise. As on a
GPU an operation raises if it mixes them with plain ones, but for numbers and copies.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("dev")
DEVICE = torch.device("dev", 0)
ITEM = torch.ops.aten._local_scalar_dense.default
CROSSING = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default, ITEM)


class Disguised(torch.Tensor):
    """A tensor on DEVICE, with the CPU tensor that it is."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, inner.stride(), dtype=inner.dtype, device=DEVICE
        )

    def __init__(self, inner):
        self.inner = inner

    def tolist(self):
        return self.cpu().tolist()

    def untyped_storage(self):
        return self.inner.untyped_storage()

    def __reduce_ex__(self, protocol):
        """As a CPU tensor: saved states are no crossing that a loop waits for."""
        return self.inner.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError(f"{function} outside of PretendedDevice()")


class PretendedDevice(TorchDispatchMode):
    """Where DEVICE is; `moved` are the numbers of entries that crossed, in order."""

    def __init__(self):
        super().__init__()
        self.moved = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        leaves, kwargs = tree_leaves((args, kwargs)), dict(kwargs or {})
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        here = [tensor for tensor in tensors if isinstance(tensor, Disguised)]
        others = [tensor for tensor in tensors if not isinstance(tensor, Disguised)]
        is_here = bool(here)
        if kwargs.get("device") is not None:
            is_here = kwargs["device"].type == DEVICE.type
            kwargs["device"] = torch.device("cpu")
        if function in CROSSING:
            ends = {*map(type, tensors), Disguised if is_here else torch.Tensor}
            if len(ends) > 1 or (here and function is ITEM):
                self.moved.append(tensors[-1].numel())
        elif here and any(tensor.dim() for tensor in others):
            raise RuntimeError(f"{function}: tensors of two devices")
        elif is_here and any(isinstance(leaf, torch.Generator) for leaf in leaves):
            raise RuntimeError(f"{function}: a generator of the CPU")
        known = {id(tensor.inner): tensor for tensor in here}
        known |= {id(tensor): tensor for tensor in others}

        def dressed(tensor):  # the argument itself where one was changed in place
            new = Disguised if is_here else lambda tensor: tensor
            return known[id(tensor)] if id(tensor) in known else new(tensor)

        args, kwargs = tree_map_only(Disguised, lambda t: t.inner, (args, kwargs))
        return tree_map_only(torch.Tensor, dressed, function(*args, **kwargs))
