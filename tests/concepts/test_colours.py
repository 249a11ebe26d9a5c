"""The palette is told apart in grey and by the colour-blind."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from auditor.concepts.colours import PALETTE

# Machado, Oliveira and Fernandes 2009, severity 1.0, for linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def seen(sight):
    """Return the palette in CIELAB as seen with a kind of sight."""
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in PALETTE])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    simulated = np.clip(linear @ SIGHT[sight].T, 0, 1)
    coded = np.where(
        simulated <= 0.0031308, 12.92 * simulated, 1.055 * simulated ** (1 / 2.4) - 0.055
    )
    return rgb2lab(coded[None])[0]


def test_at_least_eight_hexadecimal_colours():
    assert len(set(PALETTE)) >= 8
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in PALETTE)


def test_lightness_differs_so_that_grey_print_reads():
    lightness = seen("normal")[:, 0]
    assert np.diff(np.sort(lightness)).min() >= 8
    assert np.abs(np.diff(lightness)).min() >= 19


@pytest.mark.parametrize("sight", SIGHT)
def test_every_two_differ_for_every_kind_of_sight(sight):
    lab = seen(sight)
    assert min(deltaE_ciede2000(a, b) for a, b in itertools.combinations(lab, 2)) >= 15
