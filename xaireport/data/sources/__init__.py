"""Data sets known by name, and readers of their files."""
