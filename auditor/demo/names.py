"""The names of the demos, apart from what draws them: the command line knows them at no cost."""

from __future__ import annotations

# What the model was taught to go by; `auditor.demo.variants` has a demo for each.
SHORTCUTS = ("stamp", "background", "none")
