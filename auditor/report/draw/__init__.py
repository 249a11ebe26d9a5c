"""Figures and layouts: arrays in, SVG or pixels out."""
