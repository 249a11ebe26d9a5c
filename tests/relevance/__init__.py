"""Tests of the relevance engine."""
