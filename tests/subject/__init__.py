"""Tests of the subject: models, checkpoints, data, labels."""
