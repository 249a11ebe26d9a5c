"""Runs on disk: read, verified, listed over time, removed."""
