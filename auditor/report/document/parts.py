"""The smallest parts of ``audit.json`` that all others are made of."""

from auditor.part import Crop, Interval, Number, Part, Picture

__all__ = ["Crop", "Interval", "Number", "Part", "Picture"]
