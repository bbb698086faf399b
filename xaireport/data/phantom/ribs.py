"""A phantom of FractureMNIST3D: a CT-like volume with one rib that is bent, cracked or displaced.

Buckle: the rib goes on, with a kink. Nondisplaced: a thin gap, both ends in line. Displaced: ends are offset.
The side to which a rib bends or shifts is drawn at random, so that no single voxel tells the classes apart.
"""

from __future__ import annotations

import numpy as np

from xaireport.data.phantom.kit import (
    Drawing,
    Field,
    Recipe,
    Rng,
    grid,
    inside,
    per_subject,
    smooth_noise,
    to_pixels,
    views,
)
from xaireport.types.data import Ints, Pixels

SIZE, DRAWN = 28, 31
BUCKLE, NONDISPLACED, DISPLACED = range(3)

_LUNG, _TISSUE, _MARROW, _CORTEX = 0.06, 0.42, 0.60, 0.95


def draw_subjects(labels: Ints, rng: Rng) -> Drawing:
    """Draw one chest wall per label: lung, soft tissue, the broken rib and a whole one beside it."""
    n = len(labels)
    z, y, x = (axis * (DRAWN / 2) for axis in grid(DRAWN, 3))  # voxels from the centre

    def each(values: Field) -> Field:
        return per_subject(values, 3)

    # The rib runs along x, turned a little; t is the way along it, a and b lie across.
    turn_y, turn_z = each(rng.normal(0, 0.10, n)), each(rng.normal(0, 0.10, n))
    t = x + turn_y * y + turn_z * z
    bend = each(rng.normal(0, 0.006, n))
    a = y - turn_y * x - bend * t**2 - each(rng.normal(0, 2.0, n))
    b = z - turn_z * x - each(rng.normal(0, 2.0, n))
    site = each(rng.normal(0, 2.4, n))
    t = t - site

    side = rng.uniform(0, 2 * np.pi, n)
    size = np.select(
        [labels == BUCKLE, labels == DISPLACED], [rng.uniform(5.0, 6.5, n), rng.uniform(5.0, 7.0, n)], 0.0
    )
    kink = np.where(t > 0, np.float32(0.5), np.float32(-0.5))
    buckled = labels == BUCKLE
    kink[buckled] = np.exp(-((t[buckled] / 3.2) ** 2))
    bent_a = a - each(size * np.cos(side)) * kink
    bent_b = b - each(size * np.sin(side)) * kink
    radius = each(rng.uniform(3.2, 4.2, n))
    flat = each(rng.uniform(0.8, 1.25, n))
    distance = np.hypot(bent_a * flat, bent_b / flat) - radius
    gap = np.select(
        [labels == NONDISPLACED, labels == DISPLACED], [rng.uniform(1.2, 1.7, n), np.full(n, 0.8)], -9.0
    )
    slant = each(rng.normal(0, 0.25, n))
    whole = 1 - inside(np.abs(t + slant * a) - each(gap), 0.5)
    rib = inside(distance, 0.7) * whole

    lung_side = each(rng.choice([-1.0, 1.0], n))
    wall = lung_side * (b + 0.35 * a) - each(rng.uniform(7.0, 11.0, n))
    wall = wall - 0.8 * smooth_noise(rng, n, DRAWN, 5, 3)
    volume = _TISSUE + 0.04 * smooth_noise(rng, n, DRAWN, 8, 3)
    volume = volume + (_LUNG - volume) * inside(-wall, 1.0)
    second = np.hypot(a + each(rng.choice([-1.0, 1.0], n) * rng.uniform(13, 16, n)), b) - radius
    for solid, depth in ((inside(second, 0.7), second), (rib, distance)):
        bone = _CORTEX + (_MARROW - _CORTEX) * inside(depth + 1.5, 0.7)
        volume = volume + (bone - volume) * solid
    near = inside(np.abs(t) - each(np.where(labels == BUCKLE, 5.0, 3.5)), 0.8)
    mask = near * inside(distance - 1.0, 0.8)
    return Drawing(volume[..., np.newaxis].astype(np.float32), mask.astype(np.float32), {})


def take_views(drawing: Drawing, rows: Ints, rng: Rng) -> tuple[Pixels, Pixels]:
    """Scan the ribs: position, window and noise differ from scan to scan."""
    volumes, masks = views(drawing.images, drawing.masks, rows, SIZE, rng, flips=(1, 2, 3))
    n = len(rows)
    gain, level = rng.normal(1, 0.06, (n, 1)), rng.normal(0, 0.03, (n, 1))
    volumes = volumes * per_subject(gain, 3) + per_subject(level, 3)
    volumes += 0.025 * rng.standard_normal(volumes.shape, np.float32)
    return to_pixels(volumes), to_pixels(masks)


RECIPE = Recipe(
    name="fracturemnist3d",
    counts={"train": (92, 90, 58), "val": (15, 15, 10), "test": (30, 30, 20)},
    subjects=draw_subjects,
    views=take_views,
)
