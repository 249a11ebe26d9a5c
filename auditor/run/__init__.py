"""The run folder: files written whole, listed with their digests, and records read back."""
