"""What people decided about findings and concepts."""
