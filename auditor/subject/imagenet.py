"""What is public about ImageNet-1k: the synset id and the name of each of its 1,000 outputs."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

COUNT = 1000

# Names that the original list gives to two classes each; torchvision tells them apart by longer
# names, so a folder with the bare name can mean either.
SHARED_NAMES = {"crane": (134, 517), "maillot": (638, 639), "cardigan": (264, 474)}

_WNID = re.compile(r"(n\d{8})(?:[ _.\-].*)?", re.DOTALL)


@cache
def imagenet_wnids() -> tuple[str, ...]:
    """Return the synset ids in the order of the outputs."""
    text = files("auditor.subject").joinpath("imagenet_wnids.txt").read_text(encoding="ascii")
    return tuple(text.split())


@cache
def imagenet_names() -> tuple[str, ...]:
    """Return torchvision's class names in the order of the outputs."""
    from torchvision.models import AlexNet_Weights

    return tuple(AlexNet_Weights.IMAGENET1K_V1.meta["categories"])


def wnid_of(name: str) -> str | None:
    """Return the synset id that ``name`` is or starts with (``n01443537_goldfish``), if any."""
    match = _WNID.fullmatch(name)
    return match.group(1) if match else None
