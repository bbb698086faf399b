"""Measurements, as ratios within one run where the machine's speed matters: `make bench`."""
