"""The frozen records that pass between stages."""
