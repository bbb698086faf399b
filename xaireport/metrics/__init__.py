"""Scores of predictions: NumPy, SciPy and scikit-learn only."""
