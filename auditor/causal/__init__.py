"""Causal tests on the model: what happens when a region is transplanted or removed."""
