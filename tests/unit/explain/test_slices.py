from __future__ import annotations

import numpy as np

from xaireport.explain.slices import most_informative, strip, through_peak


def test_the_peak_lies_on_all_three_panels() -> None:
    heat = np.random.default_rng(0).random((5, 6, 7), np.float32)
    heat[3, 1, 4] = 9
    cut = through_peak(heat, heat.shape)
    assert cut.names == ("axial 3", "coronal 1", "sagittal 4")
    axial, coronal, sagittal = cut.panels(heat)
    assert (axial.shape, coronal.shape, sagittal.shape) == ((6, 7), (5, 7), (5, 6))
    assert axial[1, 4] == coronal[3, 4] == sagittal[3, 1] == 9


def test_the_cut_goes_through_the_middle_of_the_highest_cell() -> None:
    """Of a grid enlarged with half-pixel centres only cells at the border keep their whole height."""
    grid = np.full((7, 7, 7), 0.9, np.float32)
    grid[3, 0, 5] = 1
    assert through_peak(grid, (28, 28, 28)).at == (14, 2, 22)
    assert through_peak(grid, (7, 14, 9)).at == (3, 1, 7)


def test_the_most_informative_slices_show_the_thing() -> None:
    volume = np.full((8, 8, 8, 1), 100, np.uint8)
    volume[2, 4, 1:7] = 255
    volume[2, 3:6, 6] = 255
    assert most_informative(volume).at == (2, 4, 6)


def test_panels_of_different_height_are_centred() -> None:
    tall, short = np.full((6, 2, 3), 50, np.uint8), np.full((2, 3, 3), 200, np.uint8)
    picture = strip([tall, short], gap=1)
    assert picture.shape == (6, 6, 3)
    assert (picture[:, 2] == 255).all()
    assert picture[:, 4, 0].tolist() == [0, 0, 200, 200, 0, 0]
