"""Streams of chance: what is drawn for one purpose must not follow from what is drawn for another."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Stream(IntEnum):
    """The second part of a generator's seed, after a study's; the numbers are those that records rest on."""

    OTHER_CLASS = 1
    """Which other class a map is held against."""
    NOISE = 2
    """What shakes an image a little."""
    CLASS_GALLERY = 3
    """Which images of a class are shown for every variant."""
    OTHER_IMAGE = 4
    """Whose map a map is held against."""
    TRUST_SAMPLE = 5
    """Which images the measures of heatmaps are taken on."""
    RANDOM_MAPS = 6
    """Maps that know nothing of the model, for localisation."""
    RANDOM_ORDER = 7
    """Order in which parts are deleted and inserted, as a control."""
    MEANS = 8
    """Resamples of means over images."""
    RISE = 9
    """Masks of RISE."""
