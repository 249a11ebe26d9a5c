"""What candidates are proposed from: one file each, which registers its function by a name."""
