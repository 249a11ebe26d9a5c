"""The configuration: its models, where values come from, and what is wrong with them."""
