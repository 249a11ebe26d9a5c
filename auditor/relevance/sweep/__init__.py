"""Sweeps: relevance sent through a graph in reverse, under conditions."""
