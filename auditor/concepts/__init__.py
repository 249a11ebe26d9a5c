"""Concept analyses on stored arrays: never the model, never torch."""
