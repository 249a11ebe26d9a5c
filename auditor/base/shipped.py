"""Find what ships with the package but lies beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from auditor.base.errors import OutputError

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """Return a file or folder of ``templates`` or ``sample_configs``.

    It is looked for inside the package (a wheel), then beside it (a checkout).

    Raises:
        OutputError: neither place holds it, so the installation is incomplete.
    """
    places = (PACKAGE / name, PACKAGE.parent / name)
    for place in places:
        if place.exists():
            return place
    looked = " and ".join(str(place) for place in places)
    raise OutputError(f"{name} is missing (looked for {looked}): install concept-auditor again.")
