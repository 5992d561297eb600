"""Networks of 8 x 8 images in float64, with one function of interest, by its name."""

import torch
import torch.nn.functional as F
from small_modules import (
    WIDTH,
    Block,
    Counting,
    Function,
    SelfAttention,
    Standardised,
    Tokens,
    Untraceable,
)
from torch import nn


def attend(x, y, w):
    """Scaled dot products, with heads."""
    q, k, v = (part.unflatten(1, (2, -1)).flatten(3) for part in (x, y, x * y))
    return F.scaled_dot_product_attention(q, k, v).flatten(1)


def causal(x, y, w):
    return F.scaled_dot_product_attention(x, y, x @ w, is_causal=True, scale=0.3)


def masked(x, y, w):
    mask = torch.ones(8, 8, dtype=torch.bool).tril(2)
    return F.scaled_dot_product_attention(x, y, x @ w, attn_mask=mask)


def halves(x, y, w):
    a, b = x.chunk(2, 1)
    return torch.cat([a * y.max(1, keepdim=True)[0], torch.ones_like(a), b], 1)


def in_place(x, y, w):
    z = x.sin().mul_(2)
    z -= w
    return z + F.relu(y.mul(2), True)


def shared_memory(x, y, w):
    z = x.sin()
    F.relu(z, inplace=True)
    return z * x


def moving_weights(x, y, w):
    return F.conv2d(x.roll(1, 2), y[0, :, None, :3, :3], groups=WIDTH)


def _encoder_layer(first):
    return nn.TransformerEncoderLayer(
        WIDTH, 2, 6, 0.0, batch_first=True, norm_first=first
    )


def _norm(channels=WIDTH, **settings):
    return nn.BatchNorm2d(channels, **settings)


def _frozen(**settings):
    return _norm(**settings).eval()


def _twice():
    conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
    return nn.Sequential(conv, nn.SiLU(), conv)


def _tied():
    layers = [nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(2)]
    layers[1].weight = layers[0].weight
    return nn.Sequential(layers[0], nn.Tanh(), layers[1])


BY_RULES = {
    "convolution": lambda: nn.Conv2d(WIDTH, 6, 3, 2, 1),
    "convolution, dilated": lambda: nn.Conv2d(WIDTH, 6, 3, padding=2, dilation=2),
    "convolution, grouped": lambda: nn.Conv2d(WIDTH, 6, 3, groups=2, bias=False),
    "convolution, per channel": lambda: nn.Conv2d(
        WIDTH, WIDTH, 3, padding=1, groups=WIDTH
    ),
    "convolution, oblong": lambda: nn.Conv2d(WIDTH, 5, (1, 3), (2, 1), (0, 1)),
    "convolution, reflecting": lambda: nn.Conv2d(
        WIDTH, WIDTH, 3, padding=1, padding_mode="reflect"
    ),
    "convolution, moving weights": lambda: Function(moving_weights),
    "convolution, one dimension": lambda: nn.Sequential(
        nn.Flatten(2), nn.Conv1d(WIDTH, 3, 5, 3)
    ),
    "linear": lambda: nn.Linear(8, 5),
    "linear, no bias": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(WIDTH * 64, 5, bias=False), nn.Tanh()
    ),
    "active batch norm": lambda: _norm(affine=False, track_running_stats=False),
    "active affine batch norm": _norm,
    "frozen batch norm": lambda: _frozen(affine=False),
    "frozen affine batch norm": _frozen,
    "vectors' batch norm": lambda: nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(WIDTH)
    ),
    "vectors' frozen batch norm": lambda: nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(WIDTH).eval()
    ),
    "group norm": lambda: nn.GroupNorm(2, WIDTH),
    "plain group norm": lambda: nn.GroupNorm(2, WIDTH, affine=False),
    "instance norm": lambda: nn.InstanceNorm2d(WIDTH),
    "affine instance norm": lambda: nn.InstanceNorm2d(WIDTH, affine=True),
    "frozen instance norm": lambda: nn.InstanceNorm2d(
        WIDTH, affine=True, track_running_stats=True
    ).eval(),
    "layer norm": lambda: nn.LayerNorm([WIDTH, 8, 8]),
    "plain layer norm": lambda: nn.LayerNorm(8, elementwise_affine=False),
    "layer norm, scale": lambda: nn.LayerNorm(8, bias=False),
    "relu": lambda: nn.ReLU(inplace=True),
    "softplus": lambda: nn.Softplus(2.0, 1.0),
    "gelu": nn.GELU,
    "gelu by tanh": lambda: nn.GELU("tanh"),
    "silu": lambda: nn.SiLU(inplace=True),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": lambda: nn.ELU(inplace=True),
    "max pool": lambda: nn.MaxPool2d(2),
    "overlapping max pool": lambda: nn.MaxPool2d(3, 2, 1),
    "ragged max pool": lambda: nn.MaxPool2d(3, 2, ceil_mode=True),
    "dilated max pool": lambda: nn.MaxPool2d(2, 1, dilation=2),
    "silu and max pool": lambda: nn.Sequential(nn.SiLU(), nn.MaxPool2d(3, 2, 1)),
    "adaptive max pool": lambda: nn.AdaptiveMaxPool2d(3),
    "average pool": lambda: nn.AvgPool2d(2),
    "adaptive average pool": lambda: nn.AdaptiveAvgPool2d(3),
    "dropout": lambda: nn.Dropout(0.5).eval(),
    "identity": nn.Identity,
    "functions": lambda: Function(
        lambda x, y, w: torch.relu(x) + F.relu(-y) * x.relu() - y.sigmoid() / 3
    ),
    "sums": lambda: Function(lambda x, y, w: 1 - w - (x - 3) + 2 * x.sub(y, alpha=3)),
    "sums that broadcast": lambda: Function(
        lambda x, y, w: x.mean((2, 3), keepdim=True) + y[:1] + w * x.sum(1, True)
    ),
    "products": lambda: Function(lambda x, y, w: x @ y.mT @ w + torch.matmul(w, x) * y),
    "stacks of products": lambda: Function(
        lambda x, y, w: torch.bmm(x.flatten(0, 1), y.flatten(0, 1)).unflatten(
            0, (-1, 4)
        )
    ),
    "softmax": lambda: Function(lambda x, y, w: x.softmax(-1) * F.softmax(y, 1)),
    "linear maps": lambda: Function(
        lambda x, y, w: (
            torch.stack([x.transpose(1, 2), y.permute(0, 2, 1, 3)], 1)
            .reshape(x.shape[0], 2, -1)
            .unsqueeze(1)[:, 0, 1, ::3]
        )
    ),
    "square": lambda: Function(lambda x, y, w: x * x + y**2),
    "concatenation": lambda: Function(
        lambda x, y, w: torch.cat([x, torch.ones_like(x), y, x], 1)
    ),
    "attention": lambda: Function(attend),
    "causal attention": lambda: Function(causal),
    "masked attention": lambda: Function(masked),
    "multi-head attention": lambda: SelfAttention(True),
    "multi-head attention, no bias": lambda: SelfAttention(False, bias=False),
    "tokens": lambda: Tokens(nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 6))),
    "transformer layer": lambda: Tokens(_encoder_layer(False)),
    "transformer": lambda: Tokens(
        nn.TransformerEncoder(_encoder_layer(True), 2, enable_nested_tensor=False)
    ),
    "residual block": Block,
    "frozen residual block": lambda: Block().eval(),
    "a module twice": _twice,
    "tied parameters": _tied,
    "outputs that nobody uses": lambda: Function(lambda x, y, w: x.tanh()),
    "in place": lambda: Function(in_place),
}
BY_AUTOGRAD = {
    "weight standardisation": lambda: Standardised(WIDTH, WIDTH, 3),
    "a module that looks at numbers": Untraceable,
    "a module that counts": lambda: Counting(nn.Linear(WIDTH, 6)),
    "several outputs": lambda: Function(halves),
    "quotients": lambda: Function(lambda x, y, w: x / (y.exp() + w) + 3 / (5 + x)),
    "shared memory": lambda: Function(shared_memory),
    "attention's weights": lambda: SelfAttention(True, weights=True),
    "einsum": lambda: Function(lambda x, y, w: torch.einsum("nchw,wv->nchv", x, w)),
    "transposed convolution": lambda: nn.ConvTranspose2d(WIDTH, 3, 2, 2),
    "padding by name": lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding="same"),
    "learnt slopes": lambda: nn.PReLU(WIDTH),
    "gated": lambda: nn.GLU(1),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(
        nn.Conv2d(WIDTH, WIDTH, 1)
    ),
    "recurrent network": lambda: nn.Sequential(
        nn.Flatten(2), nn.LSTM(64, 3, batch_first=True)
    ),
}


def around(layer):
    """The layer in a network of three classes, in float64, with random parameters."""
    layers = [nn.Conv2d(3, WIDTH, 3, padding=1), nn.Softplus(), layer]
    network = nn.Sequential(*layers).double()
    with torch.no_grad():
        for parameter in network.parameters():
            nn.init.uniform_(parameter, -0.6, 0.9)
        for name, statistic in network.named_buffers():
            if "running" in name:
                statistic.uniform_(0.3, 1.5)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.training:
                module.track_running_stats = False
        y = network(torch.zeros(2, 3, 8, 8).double())
    tuples = isinstance(y, tuple)
    head = nn.Linear((y[0] if tuples else y)[0].numel(), 3).double()
    return Classifier(network, head, tuples)


class Classifier(nn.Module):
    """A network's output, or the first of them, and a linear layer."""

    def __init__(self, network, head, tuples):
        super().__init__()
        self.network, self.head, self.tuples = network, head, tuples

    def forward(self, images):
        y = self.network(images)
        return self.head((y[0] if self.tuples else y).flatten(1))
