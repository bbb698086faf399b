"""Sections of a model card, one module each."""
