"""What every other room stands on: errors, streams of random numbers, registries, progress."""
