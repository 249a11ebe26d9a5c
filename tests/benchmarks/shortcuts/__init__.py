"""The benchmark of the search for clever-Hans candidates: planted artefacts with known effect."""
