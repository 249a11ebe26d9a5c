"""Two audits side by side: what differs, and what became of each finding."""
