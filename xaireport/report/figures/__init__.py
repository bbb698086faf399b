"""Drawings of a study as SVG files."""
