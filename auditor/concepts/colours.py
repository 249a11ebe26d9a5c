"""Colours that tell concepts apart, also for the colour-blind and in grey print.

Every two differ in lightness, not only in hue, and neighbours of the list contrast strongly, so
that a legend of few concepts stays readable on any printer. The tests measure both.
"""

from __future__ import annotations

PALETTE: tuple[str, ...] = (
    "#e69f00",
    "#0072b2",
    "#f7e56b",
    "#8f2d56",
    "#7cc8f2",
    "#00724f",
    "#e08db5",
    "#2b1a5e",
)
"""Hues of Okabe and Ito 2008, their lightness moved apart."""
