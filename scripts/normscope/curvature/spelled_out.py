"""Modules of torch that look at their inputs, which symbolic tracing forbids: what they
do, in functions.

Where such a function raises, it does not know its module with such arguments.
"""

import torch.nn.functional as F
from torch import nn
from torch.fx import Proxy


def batch_norm(module: nn.BatchNorm2d, x: Proxy) -> Proxy:
    """By the batch's statistics, or by the running ones, which are left as they are."""
    if active := module.training or module.running_mean is None:
        mean = variance = None
    else:
        mean, variance = module.running_mean, module.running_var
    return F.batch_norm(
        x, mean, variance, module.weight, module.bias, active, 0.0, module.eps
    )


def instance_norm(module: nn.InstanceNorm2d, x: Proxy) -> Proxy:
    """By each example's statistics, or by the running ones."""
    active = module.training or not module.track_running_stats
    mean, variance = None, None
    if not active:
        mean, variance = module.running_mean, module.running_var
    return F.instance_norm(
        x, mean, variance, module.weight, module.bias, active, 0.0, module.eps
    )


def attention(
    module: nn.MultiheadAttention,
    query: Proxy,
    key: Proxy,
    value: Proxy,
    key_padding_mask: None = None,
    need_weights: bool = True,
    attn_mask: None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Proxy, None]:
    """Without masks; its second output, the weights, is not given.

    Raises NotImplementedError for any other use, which is then traced as one function.
    """
    if (
        key_padding_mask is not None
        or attn_mask is not None
        or module.bias_k is not None
        or module.add_zero_attn
        or not module._qkv_same_embed_dim
        or (module.training and module.dropout)
    ):
        raise NotImplementedError
    weight, bias = module.in_proj_weight, module.in_proj_bias
    if query is key and key is value:
        stacks = F.linear(query, weight, bias).chunk(3, -1)
        q, k, v = (stacks[part] for part in range(3))
    else:
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        weights = weight.chunk(3)
        q, k, v = (
            F.linear(x, weights[part], biases[part])
            for part, x in enumerate((query, key, value))
        )

    def heads(x: Proxy) -> Proxy:
        x = x if module.batch_first else x.transpose(0, 1)
        return x.unflatten(-1, (module.num_heads, -1)).transpose(1, 2)

    y = F.scaled_dot_product_attention(heads(q), heads(k), heads(v))
    y = y.transpose(1, 2).flatten(2)
    return module.out_proj(y if module.batch_first else y.transpose(0, 1)), None


def encoder_layer(
    module: nn.TransformerEncoderLayer,
    x: Proxy,
    src_mask: None = None,
    src_key_padding_mask: None = None,
    is_causal: bool = False,
) -> Proxy:
    """Without masks.

    Raises NotImplementedError with masks: the layer is then traced as one function.
    """
    if src_mask is not None or src_key_padding_mask is not None:
        raise NotImplementedError
    if module.norm_first:
        x = x + module._sa_block(module.norm1(x), None, None)
        return x + module._ff_block(module.norm2(x))
    x = module.norm1(x + module._sa_block(x, None, None))
    return module.norm2(x + module._ff_block(x))


def encoder(module: nn.TransformerEncoder, x: Proxy) -> Proxy:
    """Without masks."""
    for layer in module.layers:
        x = layer(x)
    return x if module.norm is None else module.norm(x)


SPELLED_OUT = {
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.BatchNorm3d: batch_norm,
    nn.InstanceNorm1d: instance_norm,
    nn.InstanceNorm2d: instance_norm,
    nn.InstanceNorm3d: instance_norm,
    nn.MultiheadAttention: attention,
    nn.TransformerEncoderLayer: encoder_layer,
    nn.TransformerEncoder: encoder,
}
