"""The formats, by the names that `auditor export --to` takes."""
