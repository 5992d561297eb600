"""Modules of small networks that torch does not have."""

import torch
import torch.nn.functional as F
from torch import nn

WIDTH = 4  # channels


class Function(nn.Module):
    """f of the images' features, and of a convolution's and a parameter's."""

    def __init__(self, f):
        super().__init__()
        self.f = f
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.w = nn.Parameter(torch.rand(8, 8))

    def forward(self, x):
        return self.f(x, self.conv(x), self.w)


class Untraceable(nn.Module):
    """It looks at its input's numbers, and has parameters."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, x):
        return self.conv(x).sinh() if x.sum() < 1e9 else x


class Standardised(nn.Conv2d):
    """Weights with mean 0 and variance 1 for each output channel."""

    def forward(self, x):
        over = (1, 2, 3)
        weight = self.weight - self.weight.mean(over, keepdim=True)
        weight = weight / weight.var(over, keepdim=True).add(1e-5).sqrt()
        return F.conv2d(x, weight, self.bias, padding=1)


class Block(nn.Module):
    """A residual block, in place as torchvision's."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(WIDTH), nn.BatchNorm2d(WIDTH)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        y += x
        return self.relu(y)


class SelfAttention(nn.Module):
    """Of the pixels, residual."""

    def __init__(self, batch_first, weights=False, bias=True):
        super().__init__()
        self.attention = nn.MultiheadAttention(
            WIDTH, 2, batch_first=batch_first, bias=bias
        )
        self.weights = weights

    def forward(self, x):
        y = x.flatten(2).transpose(1, 2)
        y, weights = self.attention(y, y, y.cos() if self.weights else y)
        if self.weights:
            y = weights @ y
        return x + y.mT.reshape(x.shape)


class Tokens(nn.Module):
    """A module of tokens, behind a class token and position embeddings."""

    def __init__(self, module):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.randn(1, 5, WIDTH))
        self.module = module

    def forward(self, x):
        x = F.avg_pool2d(x, 4).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.module(x)[:, 0]


class Counting(Tokens):
    """Its number of images is a number of Python's, which tracing does not know."""

    def forward(self, x):
        return super().forward(x[: len(x)])
