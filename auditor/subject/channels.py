"""How many channels the model takes, and whether that is what it is to be given."""

from __future__ import annotations

import re

import torch
from torch import nn

from auditor.base.errors import ConfigError
from auditor.config.audit import PreprocessConfig
from auditor.subject.calling import ask
from auditor.subject.preprocessing import Channels, Preprocessing, count_of

# What torch's convolutions say when the input has another number of channels.
WANTED = re.compile(r"expected input\[.*\] to have (\d+) channels, but got \d+ channels")
TRIED = (224, 224)
RGB = 3


def with_channels(
    model: nn.Module,
    config: PreprocessConfig,
    preset: Preprocessing | None,
    ready: int | None = None,
) -> tuple[PreprocessConfig, tuple[str, ...]]:
    """Return the config with the channels that the model takes, and a note where they are not RGB.

    ``ready`` is how many channels the inputs of a data set have that preprocesses them itself.

    Raises:
        ConfigError: the config or the data gives another number of channels than the model takes,
            or the model takes several and the config does not say which.
    """
    if ready is not None and config.channels is None:
        given: Channels | None = _of(ready) if ready != RGB else None
    else:
        given = config.channels
    size = _size(config, preset)
    wanted = _wanted(model, count_of(given) if given is not None else RGB, size)
    if given is not None and wanted not in (None, count_of(given)):
        of = "the dataset hands over" if config.channels is None else "preprocess.channels gives"
        raise ConfigError(
            f"{of} {_words(count_of(given))}, but the model takes {_words(wanted or 0)}."
        )
    if given is not None:
        return config.model_copy(update={"channels": given}), ()
    if wanted in (None, RGB):
        return config, ()
    if wanted == 1 and ready is None:
        note = "the model takes one channel: pictures are converted to grey (preprocess.channels)"
        return config.model_copy(update={"channels": "grey"}), (note,)
    if ready is not None:
        raise ConfigError(
            f"the dataset hands over {_words(ready)}, but the model takes {_words(wanted or 0)}."
        )
    numbers = ", ".join(str(band) for band in range(1, (wanted or 0) + 1))
    raise ConfigError(
        f"the model takes {_words(wanted or 0)}; say which bands of the pictures they are: "
        f"preprocess.channels: [{numbers}]."
    )


def _wanted(model: nn.Module, given: int, size: tuple[int, int]) -> int | None:
    """Return how many channels the model takes; None where it does not say.

    Its first convolution says, unless the model answers for ``given`` channels all the same.
    """
    first = next((each for each in model.modules() if isinstance(each, nn.Conv2d)), None)
    if first is not None and first.in_channels == given:
        return given
    weight = next(model.parameters(), torch.empty(0))
    try:
        ask(model, torch.zeros(2, given, *size, device=weight.device))
    except Exception as error:
        found = WANTED.search(str(error))
        if found is not None:
            return int(found[1])
        # Of any other failure, such as the size, the convolution of the input did not complain.
        return first.in_channels if first is not None and "channel" in str(error).lower() else None
    return given


def _of(count: int) -> Channels:
    return "grey" if count == 1 else tuple(range(1, count + 1))


def _size(config: PreprocessConfig, preset: Preprocessing | None) -> tuple[int, int]:
    for side in (config.crop, config.resize):
        if side is not None:
            return (side, side) if isinstance(side, int) else side
    return TRIED if preset is None else preset.size


def _words(count: int) -> str:
    return f"{count} channel{'' if count == 1 else 's'}"
