"""The result as HTML, PDF, text and tables."""
