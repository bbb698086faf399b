"""Data sets: where they lie, how they are read, and the phantoms that stand in for them."""
