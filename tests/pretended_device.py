"""The CPU posing as an accelerator, for code whose GPU is elsewhere.

Within `PretendedDevice()` tensors can be on DEVICE: CPU tensors in disguise. As on a
GPU an operation raises if it mixes them with plain ones, but for numbers and copies.
"""

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("dev")
DEVICE = torch.device("dev", 0)
ITEM = torch.ops.aten._local_scalar_dense.default
CROSSING = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default, ITEM)


class Disguised(Tensor):
    """A tensor on DEVICE, with the CPU tensor that it is."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, bare):
        kind = {"dtype": bare.dtype, "device": DEVICE}
        tensor = Tensor._make_wrapper_subclass(cls, bare.shape, bare.stride(), **kind)
        tensor.bare = bare
        return tensor

    def tolist(self):
        return self.cpu().tolist()

    def untyped_storage(self):
        return self.bare.untyped_storage()

    def __reduce_ex__(self, protocol):  # a saved state is no crossing
        return self.bare.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError(f"{function} outside of PretendedDevice()")


class PretendedDevice(TorchDispatchMode):
    """Where DEVICE is; `moved` are the numbers of entries that crossed, in order."""

    def __init__(self):
        super().__init__()
        self.moved = []

    def __enter__(self):
        # A conversion in place, as of a network to float64, would miss the CPU tensor.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        return super().__enter__()

    def __exit__(self, *error):
        torch.__future__.set_overwrite_module_params_on_conversion(False)
        return super().__exit__(*error)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        def undressed(tensor):
            bare = getattr(tensor, "bare", tensor)
            worn[id(bare)] = tensor
            return bare

        worn = {}  # the arguments, by the id of what is in them
        args, kwargs = each_tensor(undressed, args), dict(kwargs or {})
        kwargs = {name: each_tensor(undressed, kwargs[name]) for name in kwargs}
        others = [tensor for tensor in worn.values() if type(tensor) is not Disguised]
        is_here = was_here = len(others) < len(worn)
        if kwargs.get("device"):
            is_here = kwargs["device"].type == DEVICE.type
            kwargs["device"] = torch.device("cpu")
        if function in CROSSING:
            if (is_here and others) or (was_here and (function is ITEM or not is_here)):
                self.moved.append([*worn.values()][-1].numel())
        elif was_here and any(tensor.dim() for tensor in others):
            raise RuntimeError(f"{function}: tensors of two devices")
        elif is_here and kwargs.get("generator"):
            raise RuntimeError(f"{function}: a generator of the CPU")
        new = Disguised if is_here else lambda tensor: tensor
        return each_tensor(lambda t: worn.get(id(t), new(t)), function(*args, **kwargs))


def each_tensor(change, value):
    """The value with every tensor in it changed."""
    if isinstance(value, list | tuple):
        return type(value)([each_tensor(change, part) for part in value])
    return change(value) if isinstance(value, Tensor) else value
