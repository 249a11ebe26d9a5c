"""Small models on tokens whose attention hardly mixes: occluding a patch shows its place."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.swin_transformer import SwinTransformer

FAINT = 1e-3


class Block(nn.Module):
    """Attention and a hidden layer, each beside a path that passes them by."""

    def __init__(self, width: int, heads: int, faint: float) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.heads = heads
        with torch.no_grad():
            self.out.weight.mul_(faint)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens (B, T, width)."""
        count, length, width = tokens.shape
        split = self.qkv(self.before(tokens)).reshape(count, length, 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(count, length, width))
        return tokens + self.hidden(self.between(tokens))


class Tokens(nn.Module):
    """A vision transformer: ``extra`` tokens before the patches (or ``behind`` them), or none.

    With ``extra`` the first of them is read, else the mean over patches. ``order``: of the patches
    among the tokens, None for that of the rows.
    """

    def __init__(
        self,
        extra: int,
        *,
        patch: int = 4,
        width: int = 48,
        behind: bool = False,
        order: list[int] | None = None,
        faint: float = FAINT,
        classes: int = 3,
    ) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, patch, patch)
        self.extra = nn.Parameter(torch.randn(1, extra, width)) if extra else None
        self.blocks = nn.Sequential(Block(width, 4, faint), Block(width, 4, faint))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        self.behind = behind
        self.register_buffer("order", None if order is None else torch.tensor(order))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        if self.order is not None:
            tokens = tokens[:, self.order]
        if self.extra is not None:
            extra = self.extra.expand(images.shape[0], -1, -1)
            tokens = torch.cat([tokens, extra] if self.behind else [extra, tokens], 1)
        tokens = self.norm(self.blocks(tokens))
        first = tokens[:, -1] if self.behind else tokens[:, 0]
        logits: Tensor = self.head(first if self.extra is not None else tokens.mean(1))
        return logits


class LastChannels(nn.Module):
    """A convolutional net that keeps its maps with the channels last: (B, h, w, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, 4)
        self.mix = nn.Sequential(nn.Linear(16, 16), nn.GELU())
        self.head = nn.Linear(16, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        maps = self.mix(self.stem(images).permute(0, 2, 3, 1))
        logits: Tensor = self.head(maps.mean((1, 2)))
        return logits


def swin(faint: float = FAINT) -> nn.Module:
    """Return a Swin of two stages with shifted windows of 4 x 4 patches, which need padding."""
    model = SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], num_classes=3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("attn.proj.weight"):
                weight.mul_(faint)
    return model.eval()
