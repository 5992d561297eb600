"""Networks of today that the benchmark finds eigenpairs of, and its batch of images."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet18

from normscope.networks.batch_statistics import use_batch_statistics

CLASSES, SIZE, BATCH = 10, 32, 32


class Block(nn.Module):
    """Attention and a perceptron, each behind a layer norm and residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        stacks = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = stacks.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.project(y)
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Four blocks over patches of 4 x 4 (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int = 96, heads: int = 4) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        tokens = (SIZE // 4) ** 2 + 1
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(4)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).mT
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x)[:, 0]))


def residual(frozen: bool) -> nn.Module:
    """torchvision's resnet18 with the stem for small images, its norms as drawn."""
    network = resnet18(num_classes=CLASSES)
    network.conv1, network.maxpool = (
        nn.Conv2d(3, 64, 3, 1, 1, bias=False),
        nn.Identity(),
    )
    use_batch_statistics(network)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d) and frozen:
            layer.running_var.uniform_(0.5, 1.5)
    return network.train(not frozen)


NETWORKS = {
    "resnet18, frozen": lambda: residual(frozen=True),
    "resnet18, active": lambda: residual(frozen=False),
    "transformer": VisionTransformer,
}


def build(name: str) -> tuple[nn.Module, list[tuple[Tensor, Tensor]]]:
    """The network with weights as drawn, and one batch of noise with labels."""
    torch.manual_seed(0)
    network = NETWORKS[name]().to(memory_format=torch.channels_last)
    images = torch.randn(BATCH, 3, SIZE, SIZE).to(memory_format=torch.channels_last)
    return network, [(images, torch.randint(CLASSES, (BATCH,)))]
