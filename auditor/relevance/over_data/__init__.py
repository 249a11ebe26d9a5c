"""The engine over many samples: the pass over the data, heatmaps, flows."""
