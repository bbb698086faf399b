"""Heatmaps: reduction, selection and pictures. NumPy and Pillow; never TensorFlow."""
