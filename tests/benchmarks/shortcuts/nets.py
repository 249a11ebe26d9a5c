"""The two small architectures of the benchmark; both take (B, 3, 64, 64)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn


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

    def features(self, images: Tensor) -> Tensor:
        """Return the values (B, 48) that the last layer sees."""
        pooled: Tensor = self.pool(self.block4(self.block3(self.block2(self.block1(images)))))
        return pooled.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, K)."""
        logits: Tensor = self.classify(self.features(images))
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

    def features(self, images: Tensor) -> Tensor:
        """Return the values (B, 48) that the last layer sees."""
        pooled: Tensor = self.pool(self.stage3(self.stage2(self.stage1(self.stem(images)))))
        return pooled.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, K)."""
        logits: Tensor = self.classify(self.features(images))
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


NETS: Mapping[str, Callable[[int], Plain | Residual]] = {"plain": Plain, "residual": Residual}
