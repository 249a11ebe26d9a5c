"""A finished run held beside the owner's policy and targets."""
