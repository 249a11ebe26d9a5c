"""The relevance engine: capture, rules, propagation, and the pass over the data."""
