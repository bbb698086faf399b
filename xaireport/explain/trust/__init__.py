"""Whether heatmaps can be believed: measures per image, each with its control, and the verdict."""
