"""The rules of relevance, by operation, and the composites that choose among them."""
