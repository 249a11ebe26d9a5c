"""Records to ``audit.json``: one file per part of the result, each a pure function."""
