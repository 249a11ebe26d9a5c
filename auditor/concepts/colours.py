"""Colours that tell concepts apart, also for the colour-blind and in grey print.

Every two differ in lightness by at least 8 (CIELAB) and in colour by at least 15 (CIEDE2000) under
normal sight and the three dichromacies as simulated by Machado et al. 2009; neighbours of the list
are far apart in lightness, so that short legends contrast most. The tests measure all of it.
"""

from __future__ import annotations

PALETTE: tuple[str, ...] = (
    "#b03f6a",
    "#6addff",
    "#490490",
    "#62ad3e",
    "#e4f247",
    "#5a5014",
    "#f59eaa",
    "#7d72e3",
)
"""``#rrggbb``, in the order of use. Found by a search over CIELAB, lightness 22 to 92."""
