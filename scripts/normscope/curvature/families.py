"""Families of torch's functions, by their names, that take tangents through alike."""

# Entry by entry, of one tensor.
ENTRYWISE = frozenset({
    "abs", "celu", "clamp", "cos", "elu", "erf", "exp", "gelu", "hardsigmoid",
    "hardswish", "hardtanh", "leaky_relu", "log", "log1p", "logsigmoid", "mish", "pow",
    "reciprocal", "relu", "relu6", "rsqrt", "selu", "sigmoid", "silu", "sin",
    "softplus", "softsign", "sqrt", "square", "tanh", "tanhshrink",
})  # fmt: skip
RESHAPES = frozenset({
    "flatten", "reshape", "squeeze", "unflatten", "unsqueeze", "view",
})  # fmt: skip
# Linear in all their tensors together.
LINEAR = frozenset({
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "cat", "chunk", "clone", "concat", "concatenate",
    "contiguous", "cumsum", "expand", "expand_as", "flip", "getitem", "index_select",
    "interpolate", "mean", "movedim", "narrow", "neg", "pad", "permute",
    "pixel_shuffle", "pixel_unshuffle", "repeat", "repeat_interleave", "roll", "select",
    "split", "stack", "sum", "swapaxes", "t", "tile", "to", "transpose", "tril", "triu",
    "unbind", "where",
})  # fmt: skip
# Linear in each tensor by itself.
MULTILINEAR = frozenset({
    "bmm", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "div", "einsum",
    "matmul", "mul", "truediv",
})  # fmt: skip
# Of a tensor's sizes alone, or cut from the graph.
CONSTANT = frozenset({
    "detach", "empty_like", "full_like", "new_full", "new_ones", "new_zeros",
    "ones_like", "zeros_like",
})  # fmt: skip
