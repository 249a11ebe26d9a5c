"""The demo's model: a small CNN that tells six surfaces apart in 64-pixel crops.

This file is copied beside the demo's data, and the audit's config names it as
``surface_net.py:build``. Replace it by your own model: any function that takes no required
argument and returns a ``torch.nn.Module`` will do.
"""

from torch import Tensor, nn


class SurfaceNet(nn.Module):
    """Three convolutions, a global max pool and one linear layer; input (B, 3, 64, 64)."""

    def __init__(self, outputs: int = 6) -> None:
        super().__init__()
        self.block1 = block(3, 24, kernel_size=5, stride=2)
        self.block2 = block(24, 32, kernel_size=3)
        self.pool = nn.MaxPool2d(2)
        self.block3 = block(32, 48, kernel_size=3)
        self.global_pool = nn.AdaptiveMaxPool2d(1)
        self.classify = nn.Linear(48, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, 6) of ``images`` (B, 3, 64, 64)."""
        features = self.pool(self.block2(self.block1(images)))
        logits: Tensor = self.classify(self.global_pool(self.block3(features)).flatten(1))
        return logits


def block(inputs: int, outputs: int, *, kernel_size: int, stride: int = 1) -> nn.Module:
    """Return a convolution with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, stride=stride, padding=kernel_size // 2),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def build(outputs: int = 6) -> nn.Module:
    """Return the model with untrained weights."""
    return SurfaceNet(outputs)
