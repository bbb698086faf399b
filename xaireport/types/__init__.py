"""Frozen values that cross a boundary between stages. They carry; they compute nothing.

NumPy is imported for type checkers only, so that planning a build stays light.
"""
