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
        self.conv1 = nn.Conv2d(3, 16, kernel_size=5, stride=2, padding=2)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 24, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(24)
        self.conv3 = nn.Conv2d(24, 32, kernel_size=3, padding=1)
        self.norm3 = nn.BatchNorm2d(32)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.global_pool = nn.AdaptiveMaxPool2d(1)
        self.classify = nn.Linear(32, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, outputs) of ``images`` (B, 3, 64, 64)."""
        features = self.relu(self.norm1(self.conv1(images)))
        features = self.pool(self.relu(self.norm2(self.conv2(features))))
        features = self.relu(self.norm3(self.conv3(features)))
        logits: Tensor = self.classify(self.global_pool(features).flatten(1))
        return logits


def build(outputs: int = 6) -> nn.Module:
    """Return the model with untrained weights."""
    return SurfaceNet(outputs)
