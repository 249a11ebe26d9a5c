"""One small model per family of torchvision and timm, and the shapes that users' own models have.

Every model takes pictures (B, 3, side, side) and has six classes (or one logit). Nothing is
downloaded; weights are random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torchvision import models as tv
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import FusedMBConvConfig, MBConvConfig
from torchvision.models.googlenet import BasicConv2d as GoogLeNetConv
from torchvision.models.googlenet import Inception
from torchvision.models.inception import BasicConv2d, InceptionA, InceptionB, InceptionC
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.regnet import BlockParams
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2

from tests.relevance.randomise import calibrate, randomise, without_constants

CLASSES = 6


@dataclass(frozen=True)
class Case:
    """How to build a model, the side of its pictures, and how ``Explainer`` is to be called.

    ``place``: which leaf of the result holds the logits. ``single``: it is one logit.
    """

    build: Callable[[], nn.Module]
    side: int = 32
    options: Mapping[str, Any] = field(default_factory=dict)
    place: int = 0
    single: bool = False

    def logits(self, model: nn.Module, images: Tensor) -> Tensor:
        """Return what the model itself answers, one logit z as the pair (-z/2, z/2)."""
        with torch.no_grad():
            leaf: Tensor = pytree.tree_leaves(model(images))[self.place]
        if self.single:
            half = leaf.reshape(-1, 1) / 2
            return torch.cat([-half, half], 1)
        return leaf

    def images(self, count: int, *, seed: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
        """Return random pictures."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(count, 3, self.side, self.side, dtype=dtype, generator=generator)

    def make(self, *, zero_bias: bool = False, dtype: torch.dtype = torch.float64) -> nn.Module:
        """Return the model with weights and batch-norm statistics of its own, in evaluation."""
        model = randomise(self.build().to(dtype))
        if zero_bias:
            without_constants(model)
        return calibrate(model, self.images(4, seed=2, dtype=dtype), zero_bias=zero_bias)


def densenet() -> nn.Module:
    return tv.DenseNet(4, (2, 2), 8, num_classes=CLASSES)


def shufflenet() -> nn.Module:
    return tv.ShuffleNetV2([2, 2, 1], [8, 8, 16, 16, 24], num_classes=CLASSES)


def regnet(squeeze: float | None) -> nn.Module:
    blocks = BlockParams.from_init_params(
        depth=4, w_0=8, w_a=8.0, w_m=2.0, group_width=4, se_ratio=squeeze
    )
    return tv.RegNet(blocks, num_classes=CLASSES, stem_width=8)


def efficientnet() -> nn.Module:
    small = partial(MBConvConfig, width_mult=1.0, depth_mult=1.0)
    blocks = [small(1, 3, 1, 8, 8, 1), small(4, 5, 2, 8, 12, 2)]
    return tv.EfficientNet(blocks, 0.2, num_classes=CLASSES, last_channel=24)


def efficientnet_v2() -> nn.Module:
    blocks = [
        FusedMBConvConfig(1, 3, 1, 8, 8, 1),
        FusedMBConvConfig(4, 3, 2, 8, 16, 1),
        MBConvConfig(4, 3, 2, 16, 24, 1, width_mult=1.0, depth_mult=1.0),
    ]
    return tv.EfficientNet(blocks, 0.2, num_classes=CLASSES, last_channel=24)


def mobilenet_v3() -> nn.Module:
    small = partial(InvertedResidualConfig, width_mult=1.0)
    blocks = [small(8, 3, 8, 8, True, "RE", 2, 1), small(8, 5, 24, 12, True, "HS", 1, 1)]
    return tv.MobileNetV3(blocks, 24, num_classes=CLASSES)


def mnasnet() -> nn.Module:
    return tv.MNASNet(0.1, num_classes=CLASSES)


def inception() -> nn.Module:
    """Inception v3's blocks A, B and C, between a narrow stem and a head."""
    return nn.Sequential(
        BasicConv2d(3, 8, kernel_size=3, stride=2),
        nn.MaxPool2d(3, 2),
        InceptionA(8, pool_features=8),
        InceptionB(232),
        InceptionC(232 + 480, channels_7x7=8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(768, CLASSES),
    )


def googlenet() -> nn.Module:
    return nn.Sequential(
        GoogLeNetConv(3, 8, kernel_size=7, stride=2, padding=3),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        Inception(8, 4, 4, 8, 2, 4, 4),
        Inception(20, 8, 4, 8, 2, 8, 8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(32, CLASSES),
    )


def convnext() -> nn.Module:
    blocks = [CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 2)]
    return tv.ConvNeXt(blocks, num_classes=CLASSES)


def vit() -> nn.Module:
    return tv.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=CLASSES)


def swin() -> nn.Module:
    return tv.SwinTransformer([4, 4], 8, [2, 2], [2, 4], [2, 2], num_classes=CLASSES)


def swin_v2() -> nn.Module:
    return tv.SwinTransformer(
        [4, 4], 8, [2, 2], [2, 4], [2, 2], num_classes=CLASSES,
        block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2,
    )  # fmt: skip


def maxvit() -> nn.Module:
    return tv.MaxVit((32, 32), 8, 2, [8, 16], [1, 1], 4, 0.0, num_classes=CLASSES)


def of_timm(kind: str, **options: Any) -> nn.Module:
    """Build a class of timm, ``module.Class``, in a tiny size."""
    import timm.models

    module, name = kind.split(".")
    builder = getattr(getattr(timm.models, module), name)
    return builder(num_classes=CLASSES, **options)  # type: ignore[no-any-return]


def named_by_timm(name: str, **options: Any) -> nn.Module:
    """Build a model of timm by name: its test models are tiny."""
    import timm

    return timm.create_model(name, num_classes=CLASSES, **options)  # type: ignore[no-any-return]


TOKENS: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2}

TORCHVISION: dict[str, Case] = {
    "densenet": Case(densenet),
    "shufflenet": Case(shufflenet),
    "regnet": Case(partial(regnet, None)),
    "regnet_squeeze": Case(partial(regnet, 0.25)),
    "efficientnet": Case(efficientnet),
    "efficientnet_v2": Case(efficientnet_v2),
    "mobilenet_v3": Case(mobilenet_v3),
    "mnasnet": Case(mnasnet),
    "inception": Case(inception),
    "googlenet": Case(googlenet),
    "convnext": Case(convnext),
    "vit": Case(vit),
    "swin": Case(swin),
    "swin_v2": Case(swin_v2),
    "maxvit": Case(maxvit),
}

TIMM: dict[str, Case] = {
    "convnext_v2": Case(partial(
        of_timm, "convnext.ConvNeXt", dims=(8, 8, 16, 16), depths=(1, 1, 1, 1),
        use_grn=True, ls_init_value=None,
    )),
    "nfnet": Case(partial(named_by_timm, "test_nfnet")),
    "byobnet": Case(partial(named_by_timm, "test_byobnet")),
    "coatnet": Case(partial(named_by_timm, "test_coatnet", img_size=64), side=64),
    "vit_timm": Case(partial(named_by_timm, "test_vit", img_size=64), side=64),
    "vit_relpos": Case(partial(named_by_timm, "test_vit_relpos", img_size=64), side=64),
    "cait": Case(partial(of_timm, "cait.Cait", num_heads=2, **TOKENS)),
    "xcit": Case(partial(of_timm, "xcit.Xcit", num_heads=2, **TOKENS)),
    "beit": Case(partial(
        of_timm, "beit.Beit", num_heads=2, init_values=0.1, use_rel_pos_bias=True, **TOKENS
    )),
    "eva": Case(partial(
        of_timm, "eva.Eva", num_heads=2, use_rot_pos_emb=True, swiglu_mlp=True, scale_mlp=True,
        **TOKENS,
    )),
    "mixer": Case(partial(
        of_timm, "mlp_mixer.MlpMixer", img_size=32, patch_size=8, num_blocks=2, embed_dim=16
    )),
    "levit": Case(partial(
        of_timm, "levit.Levit", img_size=64, embed_dim=(16, 24), key_dim=8, depth=(1, 1),
        num_heads=(2, 3),
    ), side=64),
}  # fmt: skip


class OneDimension(nn.Module):
    """Rows of the picture as a sequence: convolutions and pooling of one dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(3 * 16, 12, 5, padding=2)
        self.norm = nn.BatchNorm1d(12)
        self.second = nn.Conv1d(12, 16, 3, stride=2)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.first(x.flatten(1, 2))))
        x = F.relu(self.second(F.max_pool1d(x, 2)))
        return self.head(x.mean(2))


class ThreeDimensions(nn.Module):
    """Colours as depth: convolutions and pooling of three dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv3d(1, 6, 3, stride=(1, 2, 2), padding=1)
        self.norm = nn.BatchNorm3d(6)
        self.second = nn.Conv3d(6, 8, (3, 3, 3), padding=1, groups=2)
        self.pool = nn.MaxPool3d((1, 2, 2))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.first(x[:, None])))
        x = F.relu(self.second(self.pool(x)))
        return self.head(F.adaptive_avg_pool3d(x, 1).flatten(1))


def transposed() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU(),
        nn.ConvTranspose2d(6, 8, 3, stride=2, output_padding=1, groups=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES),
    )  # fmt: skip


def padded_first() -> nn.Module:
    """Uneven zeros around the image, as models that come from TensorFlow pad them."""
    return nn.Sequential(
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(8, 12, 3, stride=2), nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, CLASSES),
    )  # fmt: skip


def dilated() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=2, dilation=2), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding="same", dilation=3), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect", stride=2), nn.ReLU(),
        nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES),
    )  # fmt: skip


def grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 9, 3, padding=1, groups=3), nn.ReLU(),
        nn.Conv2d(9, 9, 3, padding=1, groups=9), nn.BatchNorm2d(9), nn.ReLU(),
        nn.Conv2d(9, 12, 1, groups=3), nn.ChannelShuffle(3), nn.LeakyReLU(),
        nn.AvgPool2d(2), nn.Conv2d(12, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip


class Shared(nn.Module):
    """One convolution, one activation and one batch norm used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.again = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x))
        for _ in range(2):
            x = self.act(self.norm(self.again(x)))
        return self.head(x.mean((2, 3)))


class Answers(nn.Module):
    """A small network that answers as ``form`` says."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(12, 1 if form == "single" else CLASSES)
        self.other = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Any:
        features = self.body(x).mean((2, 3))
        logits = self.head(features)
        if self.form == "tuple":
            return self.other(features), logits
        if self.form == "dictionary":
            return {"boxes": self.other(features), "logits": logits, "features": features}
        return logits[:, 0]


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0 as its package ships it: its convolutions have a child module."""
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0")  # type: ignore[no-any-return]


USERS: dict[str, Case] = {
    "convolutions_1d": Case(OneDimension, side=16),
    "convolutions_3d": Case(ThreeDimensions, side=16),
    "transposed": Case(transposed, side=16),
    "padded_first": Case(padded_first, side=16),
    "dilated": Case(dilated, side=16),
    "grouped": Case(grouped, side=16),
    "shared_twice": Case(Shared, side=16),
    "several_outputs": Case(partial(Answers, "tuple"), side=16, options={"output": "1"}, place=1),
    "dictionary": Case(
        partial(Answers, "dictionary"), side=16, options={"output": "logits"}, place=1
    ),
    "single_logit": Case(partial(Answers, "single"), side=16, single=True),
}
if find_spec("efficientnet_lite_pytorch"):
    USERS["efficientnet_lite0_package"] = Case(efficientnet_lite0, side=64)

FAMILIES: dict[str, Case] = {**TORCHVISION, **USERS}
if find_spec("timm"):
    FAMILIES.update(TIMM)
