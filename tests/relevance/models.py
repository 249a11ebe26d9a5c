"""Small models of every family that the engine supports, with random weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import AlexNet, MobileNetV2, ResNet, SqueezeNet
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.vgg import VGG, make_layers

CLASSES = 6
SIZES = {"alexnet": 64}
SIZE = 32


class OwnNetwork(nn.Module):
    """Functional calls, in-place operations, concatenation, a residual sum and a global maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.1))
        self.first = nn.Conv2d(3, 8, 3, padding="same")
        self.first_norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.act = nn.ReLU(inplace=True)
        self.both_norm = nn.BatchNorm2d(16)
        self.last = nn.Conv2d(16, 12, 3, stride=2, padding=1)
        self.last_act = nn.ReLU6()
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / 0.5
        x = self.act(self.first_norm(self.first(x)))
        x = F.max_pool2d(x, 3, 2, 1)
        y = F.relu(self.depthwise(x))
        y += x
        z = F.leaky_relu(F.gelu(self.grouped(y)), 0.1)
        both = torch.cat([F.silu(y), F.hardtanh(z, -2.0, 2.0)], dim=1)
        both = torch.tanh(self.both_norm(both))
        z = self.last_act(self.last(F.avg_pool2d(both, 2)))
        return self.head(self.drop(torch.amax(z, (2, 3))))


def _vgg(*, batch_norm: bool) -> nn.Module:
    plan: list[str | int] = [8, "M", 16, "M", 16, 16, "M"]
    with torch.device("meta"):
        network = VGG(make_layers(plan, batch_norm=batch_norm), num_classes=CLASSES)
    network.classifier = nn.Sequential(
        nn.Linear(16 * 49, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, CLASSES)
    )
    return allocated(network)


def vgg() -> nn.Module:
    return _vgg(batch_norm=False)


def vgg_bn() -> nn.Module:
    return _vgg(batch_norm=True)


def alexnet() -> nn.Module:
    with torch.device("meta"):
        network = AlexNet(num_classes=CLASSES)
    network.classifier[1] = nn.Linear(256 * 36, 32)
    network.classifier[4] = nn.Linear(32, 32)
    network.classifier[6] = nn.Linear(32, CLASSES)
    return allocated(network)


def allocated(network: nn.Module) -> nn.Module:
    """Give real memory to a network that was built without, so as to skip large heads."""
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
            module.reset_parameters()
    return network


def squeezenet() -> nn.Module:
    return SqueezeNet("1_1", num_classes=CLASSES)


def resnet_basic() -> nn.Module:
    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)


def resnet_bottleneck() -> nn.Module:
    return ResNet(Bottleneck, [1, 1, 1, 1], num_classes=CLASSES)


def mobilenet() -> nn.Module:
    blocks = [[1, 8, 1, 1], [6, 12, 2, 2], [6, 16, 1, 2]]
    return MobileNetV2(num_classes=CLASSES, inverted_residual_setting=blocks)


FAMILIES: dict[str, Callable[[], nn.Module]] = {
    "alexnet": alexnet,
    "squeezenet": squeezenet,
    "vgg": vgg,
    "vgg_bn": vgg_bn,
    "resnet_basic": resnet_basic,
    "resnet_bottleneck": resnet_bottleneck,
    "mobilenet": mobilenet,
    "own": OwnNetwork,
}


def make(family: str, *, zero_bias: bool = False, seed: int = 0) -> nn.Module:
    """Build a model in float64 with batch-norm statistics of its own, in evaluation."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FAMILIES[family]().double()
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.normal_(module.bias, std=0.1)
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.1)
        model.train()
        with torch.no_grad():
            model(images(8, family))
    model.eval()
    if zero_bias:
        for module in model.modules():
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, nn.BatchNorm2d):
                nn.init.zeros_(module.running_mean)
        if family == "own":
            nn.init.zeros_(model.get_buffer("mean"))
    return model


def images(count: int, family: str = "", *, seed: int = 1) -> Tensor:
    """Return random images (count, 3, size, size) of the family's size in float64."""
    generator = torch.Generator().manual_seed(seed)
    size = SIZES.get(family, SIZE)
    return torch.randn(count, 3, size, size, dtype=torch.float64, generator=generator)
