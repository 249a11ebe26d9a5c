"""Dictionaries of directions of a layer: from a file of safetensors, or from a source of a plug-in.

A dictionary writes an activation h (C,) as ``sum over d of z_d v_d``, and what is left over. Its
directions v are rows (D, C); the coefficients z are what its encoder makes of h.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from auditor.base.errors import ConfigError
from auditor.base.factories import find_file
from auditor.base.registry import Registry
from auditor.subject.digests import value_digest

KEY = "audit.units"
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "linear": torch.positive,
}
TENSORS = ("directions", "encoder", "bias")


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Directions (D, C) of a layer of C channels; ``encode``: (N, C) -> coefficients (N, D).

    ``names`` (D) are what its maker calls the directions, none where they have no names.
    ``digest`` identifies it.
    """

    directions: Tensor
    encode: Callable[[Tensor], Tensor]
    names: tuple[str, ...] = ()
    digest: str = ""


# Given what follows the scheme and the folder that relative paths start from, makes a dictionary.
Source = Callable[[str, Path], Dictionary]
CONCEPT_SOURCES: Registry[Source] = Registry("source of concepts", group="concept_sources")


def read_dictionaries(units: Mapping[str, str], base: Path) -> dict[str, Dictionary]:
    """Return the dictionary of every layer that ``audit.units`` names.

    Raises:
        ConfigError: a file or a source that cannot be used, or a dictionary of the wrong shape.
    """
    found = {}
    for layer, written in units.items():
        scheme, colon, rest = written.partition(":")
        if colon and len(scheme) > 1:
            made = CONCEPT_SOURCES[scheme](rest, base)
            if not isinstance(made, Dictionary):
                raise ConfigError(
                    f"{KEY} of '{layer}': the source '{scheme}' gives a {type(made).__name__}; it "
                    "must give an auditor.subject.dictionaries.Dictionary."
                )
        else:
            made = read_dictionary(find_file(written, base))
        found[layer] = checked(made, f"{KEY} of '{layer}'")
    return found


def read_dictionary(path: Path) -> Dictionary:
    """Return what a file of safetensors holds.

    ``directions`` (D, C); with ``encoder`` (D, C), and ``bias`` (D,) if it has one, the
    coefficients are ``relu(encoder h + bias)``, or without the relu where its metadata say
    ``activation: linear``; without an encoder they are those of least squares. The metadata
    ``names`` is a JSON list of D names.

    Raises:
        ConfigError: the file is missing, is none, or its tensors do not fit.
    """
    where = f"{KEY}: the file '{path.name}'"
    if not path.is_file():
        raise ConfigError(f"{where} does not exist; give a file of safetensors.")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            said = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{where} cannot be read as safetensors: {error}.") from error
    if "directions" not in tensors or not set(tensors) <= set(TENSORS):
        raise ConfigError(
            f"{where} holds {', '.join(sorted(tensors)) or 'nothing'}; it must hold directions "
            "(D, C), and may hold encoder (D, C) and bias (D)."
        )
    directions = tensors["directions"]
    rows = (len(directions),) if directions.dim() else ()
    for name, shape in (("encoder", tuple(directions.shape)), ("bias", rows)):
        if name in tensors and tuple(tensors[name].shape) != shape:
            raise ConfigError(
                f"{where}: {name} is {tuple(tensors[name].shape)}; beside directions "
                f"{tuple(directions.shape)} it must be {shape}."
            )
    if "bias" in tensors and "encoder" not in tensors:
        raise ConfigError(
            f"{where} has a bias and no encoder, to which it would belong; give both."
        )
    if any(not each.is_floating_point() for each in tensors.values()):
        raise ConfigError(f"{where} holds whole numbers; save floating-point tensors.")
    activation = said.get("activation", "relu")
    if activation not in ACTIVATIONS:
        raise ConfigError(
            f"{where}: activation is '{activation}'; it may be {' or '.join(ACTIVATIONS)}."
        )
    kept = {name: each.double() for name, each in tensors.items()}
    names = _names(said.get("names"), where)
    return Dictionary(
        directions=kept["directions"],
        encode=_encoder(kept, activation),
        names=names,
        digest=value_digest([kept, activation, names]),
    )


def checked(made: Dictionary, where: str) -> Dictionary:
    """Return a dictionary whose directions and names fit.

    Raises:
        ConfigError: they do not.
    """
    directions = made.directions
    if directions.dim() != 2 or 0 in directions.shape:
        raise ConfigError(
            f"{where}: directions are {tuple(directions.shape)}; they must be (D, C), a row for "
            "each direction."
        )
    if not bool(directions.isfinite().all()):
        raise ConfigError(f"{where}: directions hold NaN or infinity; save finite numbers.")
    if not bool((directions != 0).any(1).all()):
        row = int((directions == 0).all(1).nonzero()[0, 0])
        raise ConfigError(f"{where}: direction {row} is zero; leave it out.")
    if made.names and len(made.names) != len(directions):
        raise ConfigError(
            f"{where}: there are {len(made.names)} names and {len(directions)} directions; give "
            "each direction one name."
        )
    if len(set(made.names)) < len(made.names):
        twice = next(name for name in made.names if made.names.count(name) > 1)
        raise ConfigError(f"{where}: two directions are named '{twice}'; names must differ.")
    return made


def _encoder(tensors: Mapping[str, Tensor], activation: str) -> Callable[[Tensor], Tensor]:
    if "encoder" in tensors:
        return partial(
            _encoded,
            encoder=tensors["encoder"],
            bias=tensors.get("bias"),
            activation=ACTIVATIONS[activation],
        )
    directions = tensors["directions"]
    if directions.dim() != 2 or not bool(directions.isfinite().all()):
        return torch.positive  # `checked` says what is wrong
    inverse = torch.linalg.pinv(directions).T.contiguous()
    return partial(_encoded, encoder=inverse, bias=None, activation=torch.positive)


def _encoded(
    values: Tensor,
    *,
    encoder: Tensor,
    bias: Tensor | None,
    activation: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the coefficients (N, D) of activations (N, C)."""
    made = values @ encoder.to(values).T
    return activation(made if bias is None else made + bias.to(values))


def _names(written: str | None, where: str) -> tuple[str, ...]:
    if written is None:
        return ()
    try:
        names = json.loads(written)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ConfigError(f"{where}: its metadata 'names' must be a JSON list of texts.")
    return tuple(names)
