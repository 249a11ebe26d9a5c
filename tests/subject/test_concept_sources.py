"""Dictionaries of the package overcomplete, by a stand-in with its interface."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.subject.dictionaries import read_dictionaries

# As overcomplete 0.3 has them: `encode` of a sparse autoencoder gives codes before the selection
# and after it, that of an optimised dictionary the codes alone, without a gradient.
CODE = """
import torch
from torch import nn

class TopKSAE(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.encoder = nn.Linear(5, 7)
        self.directions = nn.Parameter(torch.randn(7, 5))

    def encode(self, x):
        codes = self.encoder(x).relu()
        top = torch.topk(codes, 2, dim=-1)
        return codes, torch.zeros_like(codes).scatter(-1, top.indices, top.values)

    def get_dictionary(self):
        return self.directions

class NMF(TopKSAE):
    def encode(self, x):
        with torch.no_grad():
            return self.encoder(x).relu() + torch.rand(len(x), 7)

def sae():
    return TopKSAE()

def nmf():
    return NMF()

def broken():
    raise RuntimeError("no such file")

def other():
    return 5
"""


@pytest.mark.parametrize(("name", "most"), [("sae", 2), ("nmf", 7)])
def test_a_dictionary_of_overcomplete_gives_directions_and_codes(
    tmp_path: Path, name: str, most: int
) -> None:
    (tmp_path / "dictionaries.py").write_text(CODE)
    written = {"2": f"overcomplete:dictionaries.py:{name}"}
    made = read_dictionaries(written, tmp_path)["2"]
    assert made.directions.shape == (7, 5)
    values = torch.rand(11, 5, dtype=torch.float64, requires_grad=True)
    codes = made.encode(values)
    assert codes.dtype == torch.float64
    assert int((codes > 0).sum(1).max()) <= most
    assert codes.requires_grad == (name == "sae")
    assert torch.equal(codes, made.encode(values))
    assert made.digest == read_dictionaries(written, tmp_path)["2"].digest


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("overcomplete:dictionaries.py:broken", "no such file"),
        ("overcomplete:dictionaries.py:other", "returns a int; it must return a dictionary"),
        ("overcomplete:dictionaries.py:none", "none"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, source: str, sentence: str) -> None:
    (tmp_path / "dictionaries.py").write_text(CODE)
    with pytest.raises(ConfigError, match=sentence):
        read_dictionaries({"2": source}, tmp_path)


def test_an_unknown_source_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="overcomplete"):
        read_dictionaries({"2": "overcomplet:a.py:b"}, tmp_path)
