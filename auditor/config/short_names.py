"""What options of the command line, and keywords of the library, are called in the config."""

from __future__ import annotations

# Option -> the key of the config that it sets.
KEYS = {
    "model": ("model", "source"),
    "weights": ("model", "weights"),
    "device": ("model", "device"),
    "data": ("data", "source"),
    "limit": ("data", "limit"),
    "preset": ("audit", "preset"),
    "classes": ("audit", "classes"),
    "layers": ("audit", "layers"),
    "seed": ("audit", "seed"),
    "max_minutes": ("audit", "max_minutes"),
    "formats": ("report", "formats"),
    "layout": ("report", "layout"),
    "executor": ("run", "executor"),
    "workers": ("run", "workers"),
    "shard": ("run", "shard"),
}
# Keyword of `auditor.audit` -> the key of the config that it sets.
KEYWORDS = {name: KEYS[name] for name in ("device", "limit", "preset", "layers", "seed", "formats")}
KEYWORDS |= {"name": ("project", "name"), "labels": ("data", "labels")}
