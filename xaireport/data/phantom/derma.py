"""A phantom of DermaMNIST: skin with one lesion, whose class lies in border, pattern and structure.

Colour and size overlap between the classes on purpose, so that a model has to look at structure; hairs,
vignettes and light are nuisance. Loosely after the patterns that dermatoscopy teaches; no model of disease.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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

SIZE, DRAWN = 28, 34
AKIEC, BCC, BKL, DF, MEL, NV, VASC = range(7)

# How strongly pigment takes away red, green and blue.
_BROWN, _RED, _BLUE_GREY = (0.42, 0.62, 0.72), (0.16, 0.66, 0.62), (0.62, 0.56, 0.36)
_SITES = ("abdomen", "back", "chest", "face", "lower extremity", "trunk", "upper extremity")

#                       akiec   bcc   bkl    df   mel    nv  vasc
_WOBBLE_COARSE = np.array([0.16, 0.12, 0.10, 0.06, 0.34, 0.07, 0.12])
_WOBBLE_FINE = np.array([0.10, 0.04, 0.20, 0.03, 0.10, 0.03, 0.05])
_SOFTNESS = np.array([0.24, 0.16, 0.05, 0.16, 0.10, 0.13, 0.07])
_REDNESS = np.array([0.75, 0.70, 0.30, 0.40, 0.25, 0.25, 0.85])
_AGE = np.array([65, 66, 64, 52, 61, 45, 51])


def draw_subjects(labels: Ints, rng: Rng) -> Drawing:
    """Draw one lesion per label."""
    n = len(labels)
    skin = _skin(n, rng)
    mask, x, y, depth_in = _outline(labels, rng)
    pigment, paleness = _pattern(labels, x, y, depth_in, rng)
    red = np.clip(_REDNESS[labels] + rng.normal(0, 0.25, n), 0, 1)
    hue = np.outer(1 - red, _BROWN) + np.outer(red, _RED)
    strength = per_subject(rng.uniform(0.55, 1.0, n), 2)
    take = (mask * pigment * strength)[..., np.newaxis] * per_subject(hue, 2)
    blue = _blue_grey(labels, rng) * mask
    take += blue[..., np.newaxis] * np.array(_BLUE_GREY, np.float32)
    image = skin * (1 - np.clip(take, 0, 0.92))
    pale = (mask * paleness)[..., np.newaxis]
    image = image * (1 - pale) + pale * np.array((0.96, 0.88, 0.84), np.float32)
    columns: dict[str, NDArray[np.generic]] = {
        "age": np.clip(np.round(rng.normal(_AGE[labels], 13) / 5) * 5, 5, 85),
        "sex": rng.choice(np.array(["female", "male"]), n),
        "localization": rng.choice(np.array(_SITES), n),
    }
    return Drawing(image.astype(np.float32), mask, columns)


def take_views(drawing: Drawing, rows: Ints, rng: Rng) -> tuple[Pixels, Pixels]:
    """Photograph lesions: position, light, hairs, vignette and noise differ from view to view."""
    images, masks = views(drawing.images, drawing.masks, rows, SIZE, rng, flips=(1, 2))
    n = len(rows)
    hair = _hairs(n, rng)[..., np.newaxis]
    images = images * (1 - hair) + hair * np.array((0.16, 0.11, 0.09), np.float32)
    light = per_subject(rng.normal(1, 0.07, (n, 1)) * rng.normal(1, 0.03, (n, 3)), 2)
    y, x = grid(SIZE)
    tilt = rng.normal(0, 0.05, (2, n))
    slope = 1 + per_subject(tilt[0], 2) * x + per_subject(tilt[1], 2) * y
    has_vignette = per_subject((rng.random(n) < 0.25) * rng.uniform(0.5, 0.95, n), 2)
    vignette = 1 - has_vignette * inside(1.12 - np.hypot(x, y), 0.10)
    images = images * light * (slope * vignette)[..., np.newaxis]
    images += rng.normal(0, 0.018, images.shape).astype(np.float32)
    return to_pixels(images), to_pixels(masks)


def _skin(n: int, rng: Rng) -> Field:
    fair, dark = np.array((0.93, 0.74, 0.68)), np.array((0.72, 0.52, 0.44))
    tone = rng.beta(1.3, 2.2, (n, 1))
    base = per_subject(fair * (1 - tone) + dark * tone + rng.normal(0, 0.03, (n, 3)), 2)
    mottled = 0.025 * smooth_noise(rng, n, DRAWN, 5) + 0.015 * smooth_noise(rng, n, DRAWN, 14)
    return (base * (1 + mottled[..., np.newaxis])).astype(np.float32)


def _outline(labels: Ints, rng: Rng) -> tuple[Field, Field, Field, Field]:
    """Return the mask, coordinates that turn with the lesion, and how deep inside it a pixel lies (0–1)."""
    n = len(labels)
    y, x = grid(DRAWN)
    centre, angle = rng.normal(0, 0.06, (2, n)), rng.uniform(0, np.pi, n)
    sin, cos = per_subject(np.sin(angle), 2), per_subject(np.cos(angle), 2)
    dx, dy = x - per_subject(centre[0], 2), y - per_subject(centre[1], 2)
    u, v = cos * dx + sin * dy, cos * dy - sin * dx
    radius, stretch = per_subject(rng.uniform(0.34, 0.62, n), 2), per_subject(rng.uniform(0.8, 1.25, n), 2)
    coarse = per_subject(_WOBBLE_COARSE[labels], 2) * smooth_noise(rng, n, DRAWN, 6)
    fine = per_subject(_WOBBLE_FINE[labels], 2) * smooth_noise(rng, n, DRAWN, 13)
    distance = np.hypot(u * stretch, v / stretch) / radius - 1 + coarse + fine
    mask = inside(distance, per_subject(2 * _SOFTNESS[labels], 2))
    return mask, u / radius, v / radius, np.clip(-distance, 0, 1).astype(np.float32)


def _pattern(labels: Ints, x: Field, y: Field, depth: Field, rng: Rng) -> tuple[Field, Field]:
    """Return how much pigment there is (around 1), and how much of the skin is pale or scaly (0–1)."""
    pigment, pale = np.ones_like(depth), np.zeros_like(depth)

    def of(label: int) -> tuple[Ints, int]:
        rows = np.flatnonzero(labels == label)
        return rows, len(rows)

    rows, n = of(NV)  # a regular network
    frequency, phase = per_subject(rng.uniform(8.0, 11.5, n), 2), rng.uniform(0, 2 * np.pi, (2, n))
    warp = 0.5 * smooth_noise(rng, n, DRAWN, 6)
    across = np.cos(frequency * x[rows] + per_subject(phase[0], 2) + warp)
    along = np.cos(frequency * y[rows] + per_subject(phase[1], 2) - warp)
    pigment[rows] = 0.75 + 0.30 * np.maximum(across, along)
    rows, n = of(MEL)  # blotches, dark and light, without symmetry
    pigment[rows] = np.clip(0.90 + 0.50 * smooth_noise(rng, n, DRAWN, 7), 0.15, 1.4)
    rows, n = of(BKL)  # bright dots on an even ground
    pale[rows] = 0.75 * inside(1.15 - smooth_noise(rng, n, DRAWN, 15), 0.2)
    rows, n = of(DF)  # a pale scar within a ring
    size = per_subject(rng.uniform(0.40, 0.55, n), 2)
    pale[rows] = 0.65 * inside(np.hypot(x[rows], y[rows]) - size, 0.12)
    rows, n = of(AKIEC)  # fine scales
    grain = rng.standard_normal((n, DRAWN, DRAWN)).astype(np.float32)
    pigment[rows] = np.clip(0.75 + 0.28 * grain, 0.1, 1.5)
    pale[rows] = 0.55 * inside(1.2 - grain, 0.2)
    rows, n = of(BCC)  # vessels branch over a faint ground
    vessels = inside(np.abs(smooth_noise(rng, n, DRAWN, 8)) - 0.16, 0.10)
    pigment[rows] = 0.38 + 0.85 * vessels
    rows, n = of(VASC)  # lagoons, each with a sharp edge
    lagoons = inside(0.15 - smooth_noise(rng, n, DRAWN, 10), 0.15)
    pigment[rows] = 0.30 + 0.95 * lagoons
    return pigment, pale


def _blue_grey(labels: Ints, rng: Rng) -> Field:
    """Blue-grey structures: a veil in some melanomas, nests in basal cell carcinomas."""
    field = smooth_noise(rng, len(labels), DRAWN, 6)
    share = np.select([labels == MEL, labels == BCC], [0.75, 0.45], 0.0)
    return (per_subject(share, 2) * inside(0.7 - field, 0.2)).astype(np.float32)


def _hairs(n: int, rng: Rng) -> Field:
    """Up to three dark, slightly bent hairs across the picture."""
    y, x = grid(SIZE)
    cover = np.zeros((n, SIZE, SIZE), np.float32)
    for odds in (0.35, 0.2, 0.1):
        angle, offset, bend = rng.uniform(0, np.pi, n), rng.uniform(-0.9, 0.9, n), rng.normal(0, 0.15, n)
        sin, cos = per_subject(np.sin(angle), 2), per_subject(np.cos(angle), 2)
        along, across = cos * x + sin * y, cos * y - sin * x
        distance = np.abs(across - per_subject(offset, 2) - per_subject(bend, 2) * along**2)
        strength = per_subject((rng.random(n) < odds) * rng.uniform(0.4, 0.9, n), 2)
        cover = np.maximum(cover, strength * inside(distance - 0.025, 0.035))
    return cover


RECIPE = Recipe(
    name="dermamnist",
    counts={
        "train": (77, 98, 182, 63, 182, 728, 70),
        "val": (11, 14, 26, 9, 26, 104, 10),
        "test": (22, 28, 52, 18, 52, 208, 20),
    },
    subjects=draw_subjects,
    views=take_views,
)
