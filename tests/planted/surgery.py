"""Change a planted net without changing what it computes: channels doubled or in another order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from tests.planted.net import build


def rewired(net: nn.Sequential, channels: Sequence[int]) -> nn.Sequential:
    """Return the net with these channels of ``parts``, in this order.

    A channel that is named n times has its outgoing weights divided by n: every channel must be
    named once at least, and the function stays the same.
    """
    kept = list(channels)
    found = build(len(kept))
    same = {key: value for key, value in net.state_dict().items() if key.split(".")[0] != "parts"}
    same.pop("objects.0.weight")
    found.load_state_dict(same, strict=False)
    times = torch.tensor([kept.count(channel) for channel in kept], dtype=torch.float32)
    with torch.no_grad():
        found.parts[0].weight.copy_(net.parts[0].weight[kept])
        found.parts[0].bias.copy_(net.parts[0].bias[kept])
        weight = net.objects[0].weight[:, kept] / times[:, None, None]
        found.objects[0].weight.copy_(weight)
    return found.eval()
