"""Proposals: regions that a class may rest on."""
