"""A model as a graph: captured, canonised, and what can be read from it alone."""
