"""A phantom of CIFAR-10: ten kinds of animal and vehicle as simple figures on varied grounds.

A figure is a list of ellipses and boxes; colours, pattern, ground, place, size and the way it faces are drawn
at random, so that the outline alone tells the classes apart.
"""

from __future__ import annotations

from dataclasses import dataclass

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

SIZE, DRAWN = 32, 38


@dataclass(frozen=True)
class Shape:
    """An ellipse or box in units of half the figure's size, x to the right, y downwards.

    Parameters
    ----------
    x, y, width, height : float
        Centre and half axes.
    turn : float
        Degrees, clockwise.
    box : bool
        A box instead of an ellipse.
    colour : {0, 1, 2}
        Body, accent, dark.
    """

    x: float
    y: float
    width: float
    height: float
    turn: float = 0.0
    box: bool = False
    colour: int = 0


def _legs(places: tuple[float, ...], top: float, bottom: float, width: float = 0.07) -> tuple[Shape, ...]:
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    return tuple(Shape(x, middle, width, half, box=True) for x in places)


FIGURES: tuple[tuple[Shape, ...], ...] = (
    (  # airplane
        Shape(0.0, 0.0, 0.95, 0.13),
        Shape(0.05, 0.32, 0.16, 0.45, -28, True, 1),
        Shape(0.05, -0.32, 0.16, 0.45, 28, True, 1),
        Shape(-0.82, -0.16, 0.09, 0.26, 25, True, 1),
        Shape(-0.82, 0.16, 0.09, 0.26, -25, True, 1),
    ),
    (  # automobile
        Shape(0.0, 0.12, 0.92, 0.24, box=True),
        Shape(-0.05, -0.22, 0.50, 0.24),
        Shape(-0.05, -0.18, 0.34, 0.13, box=True, colour=1),
        Shape(-0.52, 0.38, 0.22, 0.22, colour=2),
        Shape(0.52, 0.38, 0.22, 0.22, colour=2),
    ),
    (  # bird
        Shape(0.0, 0.10, 0.50, 0.32, 15),
        Shape(0.48, -0.30, 0.22, 0.22),
        Shape(0.78, -0.28, 0.18, 0.06, colour=1),
        Shape(-0.62, -0.06, 0.32, 0.10, 25, True),
        Shape(-0.10, 0.05, 0.32, 0.16, 30, colour=1),
        *_legs((-0.05, 0.15), 0.40, 0.85, 0.04),
    ),
    (  # cat: the face
        Shape(0.0, 0.15, 0.68, 0.58),
        Shape(-0.46, -0.48, 0.20, 0.38, -20),
        Shape(0.46, -0.48, 0.20, 0.38, 20),
        Shape(-0.26, 0.05, 0.13, 0.13, colour=1),
        Shape(0.26, 0.05, 0.13, 0.13, colour=1),
        Shape(0.0, 0.34, 0.10, 0.07, colour=2),
        Shape(-0.62, 0.40, 0.36, 0.025, 8, True, 2),
        Shape(0.62, 0.40, 0.36, 0.025, -8, True, 2),
    ),
    (  # deer
        Shape(-0.10, 0.15, 0.46, 0.22),
        Shape(0.40, -0.15, 0.12, 0.34, 25),
        Shape(0.62, -0.42, 0.22, 0.12, 10),
        Shape(0.42, -0.78, 0.05, 0.26, -25, True, 1),
        Shape(0.68, -0.78, 0.05, 0.26, 25, True, 1),
        *_legs((-0.44, -0.28, 0.10, 0.26), 0.25, 0.95, 0.05),
    ),
    (  # dog: the face, ears down
        Shape(0.0, 0.0, 0.52, 0.60),
        Shape(-0.60, 0.10, 0.18, 0.52, 12, colour=1),
        Shape(0.60, 0.10, 0.18, 0.52, -12, colour=1),
        Shape(-0.20, -0.15, 0.10, 0.10, colour=2),
        Shape(0.20, -0.15, 0.10, 0.10, colour=2),
        Shape(0.0, 0.40, 0.34, 0.28, colour=1),
        Shape(0.0, 0.28, 0.15, 0.11, colour=2),
    ),
    (  # frog
        Shape(0.0, 0.25, 0.72, 0.42),
        Shape(-0.42, -0.22, 0.24, 0.24),
        Shape(0.42, -0.22, 0.24, 0.24),
        Shape(-0.42, -0.24, 0.11, 0.11, colour=2),
        Shape(0.42, -0.24, 0.11, 0.11, colour=2),
        Shape(0.0, 0.34, 0.46, 0.05, box=True, colour=2),
        Shape(-0.78, 0.60, 0.28, 0.14, -30, colour=1),
        Shape(0.78, 0.60, 0.28, 0.14, 30, colour=1),
    ),
    (  # horse
        Shape(-0.05, 0.05, 0.58, 0.28),
        Shape(0.52, -0.32, 0.18, 0.44, 30),
        Shape(0.78, -0.58, 0.28, 0.14, 30),
        Shape(0.36, -0.42, 0.08, 0.40, 30, colour=1),
        Shape(-0.72, 0.20, 0.09, 0.40, 15, colour=1),
        *_legs((-0.46, -0.28, 0.22, 0.40), 0.15, 0.92, 0.08),
    ),
    (  # ship
        Shape(0.0, 0.42, 0.92, 0.20, box=True),
        Shape(0.0, 0.62, 0.70, 0.16, box=True, colour=2),
        Shape(-0.20, 0.06, 0.42, 0.18, box=True, colour=1),
        Shape(-0.32, -0.36, 0.12, 0.28, box=True),
        Shape(0.20, -0.40, 0.04, 0.50, box=True, colour=2),
    ),
    (  # truck
        Shape(-0.26, -0.14, 0.68, 0.50, box=True),
        Shape(0.68, 0.08, 0.26, 0.30, box=True, colour=1),
        Shape(0.74, -0.04, 0.14, 0.12, box=True, colour=2),
        Shape(-0.62, 0.46, 0.19, 0.19, colour=2),
        Shape(-0.10, 0.46, 0.19, 0.19, colour=2),
        Shape(0.66, 0.46, 0.19, 0.19, colour=2),
    ),
)


def draw_subjects(labels: Ints, rng: Rng) -> Drawing:
    """Draw one figure per label before its ground."""
    n = len(labels)
    ground = _ground(n, rng)
    body, accent = _colours(n, rng), _colours(n, rng)
    dark = _colours(n, rng) * 0.25
    paint = np.stack([body, accent, dark], axis=1)
    stripes, fur = _stripes(n, rng), 0.08 * smooth_noise(rng, n, DRAWN, 16)
    y, x = (axis * (DRAWN / SIZE) for axis in grid(DRAWN))
    scale = per_subject(rng.uniform(0.62, 0.88, n), 2)
    turn = rng.normal(0, 0.10, n)
    sin, cos = per_subject(np.sin(turn), 2), per_subject(np.cos(turn), 2)
    stretch = per_subject(rng.uniform(0.88, 1.14, n), 2)
    u, v = (cos * x + sin * y) / scale * stretch, (cos * y - sin * x) / scale / stretch
    mask = np.zeros((n, DRAWN, DRAWN), np.float32)
    image = ground
    for label, shapes in enumerate(FIGURES):
        rows = np.flatnonzero(labels == label)
        if not len(rows):
            continue
        for shape in shapes:
            cover = _cover(shape, u[rows], v[rows], rng)
            colour = per_subject(paint[rows, shape.colour], 2)
            textured = colour * (1 + (stripes[rows] + fur[rows])[..., np.newaxis])
            image[rows] += (textured - image[rows]) * cover[..., np.newaxis]
            mask[rows] = np.maximum(mask[rows], cover)
    return Drawing(image, mask, {})


def take_views(drawing: Drawing, rows: Ints, rng: Rng) -> tuple[Pixels, Pixels]:
    """Photograph the figures: place, way they face, light and noise differ from view to view."""
    images, masks = views(drawing.images, drawing.masks, rows, SIZE, rng, flips=(2,))
    n = len(rows)
    images = images * per_subject(rng.normal(1, 0.12, (n, 1)), 2)
    images += 0.025 * rng.standard_normal(images.shape, np.float32)
    return to_pixels(images), to_pixels(masks)


def _colours(n: int, rng: Rng) -> Field:
    grey = rng.uniform(0.15, 0.95, (n, 1))
    colours: Field = np.clip(grey + rng.normal(0, 0.18, (n, 3)), 0.02, 0.98)
    return colours


def _ground(n: int, rng: Rng) -> Field:
    """Two colours that part at a horizon or run into each other, with mottle."""
    y, x = grid(DRAWN)
    horizon, slope = per_subject(rng.uniform(-0.6, 0.8, n), 2), per_subject(rng.normal(0, 0.15, n), 2)
    blur = per_subject(np.exp(rng.uniform(-3, 0.3, n)), 2)
    lower = inside(horizon - y + slope * x, blur)[..., np.newaxis]
    top, bottom = per_subject(_colours(n, rng), 2), per_subject(_colours(n, rng), 2)
    mottle = 0.07 * smooth_noise(rng, n, DRAWN, 5) + 0.05 * smooth_noise(rng, n, DRAWN, 15)
    ground: Field = (top + (bottom - top) * lower) * (1 + mottle[..., np.newaxis])
    return ground.astype(np.float32)


def _stripes(n: int, rng: Rng) -> Field:
    y, x = grid(DRAWN)
    angle = rng.uniform(0, np.pi, n)
    across = per_subject(np.cos(angle), 2) * x + per_subject(np.sin(angle), 2) * y
    strength = per_subject(rng.uniform(0, 0.2, n) * (rng.random(n) < 0.4), 2)
    stripes: Field = strength * np.sin(per_subject(rng.uniform(12, 24, n), 2) * across)
    return stripes


def _cover(shape: Shape, u: Field, v: Field, rng: Rng) -> Field:
    """How much of each pixel the shape covers; every figure's shapes lie and measure a little differently."""
    n = len(u)
    jitter = rng.normal(0, 0.025, (2, n))
    size = rng.normal(1, 0.07, (2, n))
    turn = np.deg2rad(shape.turn + rng.normal(0, 4, n))
    sin, cos = per_subject(np.sin(turn), 2), per_subject(np.cos(turn), 2)
    du, dv = u - per_subject(shape.x + jitter[0], 2), v - per_subject(shape.y + jitter[1], 2)
    half = per_subject(shape.width * size[0], 2), per_subject(shape.height * size[1], 2)
    a, b = np.abs(cos * du + sin * dv), np.abs(cos * dv - sin * du)
    if shape.box:
        distance = np.maximum(a - half[0], b - half[1])
    else:
        distance = (np.hypot(a / half[0], b / half[1]) - 1) * np.minimum(half[0], half[1])
    return inside(distance, 0.05)


RECIPE = Recipe(
    name="cifar10",
    counts={"train": (200,) * 10, "val": (25,) * 10, "test": (50,) * 10},
    subjects=draw_subjects,
    views=take_views,
)
