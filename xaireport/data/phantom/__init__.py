"""Phantom data: synthetic stand-ins for data sets that cannot be had."""
