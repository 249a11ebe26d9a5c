"""The report: audit.json and what is drawn from it. Never the model, never torch."""
