"""The small architectures of the benchmark, and one with ImageNet weights: (B, 3, side, side)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.vision_transformer import ConvStemConfig, VisionTransformer


class Plain(nn.Module):
    """Four convolutions with batch norm, a global maximum and one linear layer."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.block1 = block(3, 16, 5, stride=2)
        self.block2 = block(16, 24, 3, stride=2)
        self.block3 = block(24, 32, 3)
        self.block4 = block(32, 48, 3, stride=2)
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.classify = nn.Linear(48, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, K)."""
        pooled: Tensor = self.pool(self.block4(self.block3(self.block2(self.block1(images)))))
        logits: Tensor = self.classify(pooled.flatten(1))
        return logits


class Residual(nn.Module):
    """A stem and three residual blocks, a global mean and one linear layer."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.stem = block(3, 16, 5, stride=2)
        self.stage1 = ResidualBlock(16, 24)
        self.stage2 = ResidualBlock(24, 32)
        self.stage3 = ResidualBlock(32, 48)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classify = nn.Linear(48, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, K)."""
        pooled: Tensor = self.pool(self.stage3(self.stage2(self.stage1(self.stem(images)))))
        logits: Tensor = self.classify(pooled.flatten(1))
        return logits


class ResidualBlock(nn.Module):
    """Two convolutions beside a 1 x 1 convolution, half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = block(inputs, outputs, 3, stride=2)
        self.second = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)
        )
        self.beside = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride=2), nn.BatchNorm2d(outputs)
        )
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        """Return the sum of both paths after ReLU."""
        summed: Tensor = self.relu(self.second(self.first(images)) + self.beside(images))
        return summed


def block(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Module:
    """Return a convolution with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Transformer(VisionTransformer):
    """A vision transformer of three blocks on patches of 8 or 16 pixels, behind convolutions.

    A plain patch embedding learns little from a few hundred pictures (Xiao et al. 2021).
    """

    def __init__(self, outputs: int, side: int) -> None:
        widths = (16, 32, 64) if side <= 64 else (16, 32, 64, 96)
        stem = [ConvStemConfig(out_channels=width, kernel_size=3, stride=2) for width in widths]
        super().__init__(
            image_size=side,
            patch_size=2 ** len(stem),
            num_layers=3,
            num_heads=4,
            hidden_dim=64,
            mlp_dim=192,
            num_classes=outputs,
            conv_stem_configs=stem,
        )
        nn.init.trunc_normal_(self.heads[0].weight, std=0.02)


def _convnext(outputs: int, side: int) -> nn.Module:
    """Return a ConvNeXt (Liu et al. 2022) of three stages, one block each.

    The scale of its blocks starts at .1: at 1e-6 they do nothing yet after a few hundred steps.
    """
    stages = [CNBlockConfig(24, 48, 1), CNBlockConfig(48, 96, 1), CNBlockConfig(96, None, 1)]
    return ConvNeXt(stages, layer_scale=0.1, num_classes=outputs)


def _pretrained(outputs: int, side: int) -> nn.Module:
    """Return torchvision's MobileNet v2 without weights; training loads those of ImageNet."""
    model = mobilenet_v2(dropout=0.0)
    model.classifier[1] = nn.Linear(1280, outputs)
    return model


PRETRAINED = "mobilenet"
NETS: Mapping[str, Callable[[int, int], nn.Module]] = {
    "plain": lambda outputs, side: Plain(outputs),
    "residual": lambda outputs, side: Residual(outputs),
    "convnext": _convnext,
    "vit": Transformer,
    PRETRAINED: _pretrained,
}


def built(net: str, outputs: int, *, side: int, seed: int) -> nn.Module:
    """Return a network by name with weights drawn by ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETS[net](outputs, side)


def features_of(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the values (B, feature) that the last linear layer of a network sees."""
    seen: list[Tensor] = []
    last = [each for each in model.modules() if isinstance(each, nn.Linear)][-1]
    hook = last.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    try:
        model(inputs)
    finally:
        hook.remove()
    return seen[0].flatten(1)
