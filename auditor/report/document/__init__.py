"""The parts of ``audit.json`` and ``review.json``."""
