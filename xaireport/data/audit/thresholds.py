"""The thresholds of the data audit, and what was measured to choose them."""

from __future__ import annotations

MAX_DISTANCE = 6
"""Bits, of 64, in which the hashes of two images that look alike may differ, in the best view.

Chosen with :data:`MIN_CORRELATION` on HAM10000 at 28×28 (10,015 images, 7,470 lesions). There, blobs of
different lesions resemble each other, and many lesions were photographed more than once: pairs of one lesion
are right, others most likely not (2 of the 12 other ones that are kept are one lesion under two names, to the
eye). Pairs found, 2 identical ones among them, and in brackets the share that shows one lesion:

============  ===========  ===========  ===========  ===========
max. bits     r ≥ 0.95     r ≥ 0.96     r ≥ 0.97     r ≥ 0.98
============  ===========  ===========  ===========  ===========
4             119 (91 %)   108 (98 %)   104 (98 %)    97 (99 %)
6             163 (78 %)   136 (91 %)   119 (97 %)   107 (98 %)
8             228 (62 %)   165 (83 %)   130 (95 %)   113 (96 %)
10            312 (48 %)   193 (75 %)   135 (94 %)   116 (97 %)
all pairs    1300 (13 %)   437 (35 %)   189 (69 %)   118 (96 %)
============  ===========  ===========  ===========  ===========

On CIFAR-10, whose classes tell right from wrong (1 pair in 10 agrees by chance), 6 bits and 0.96 give 175
pairs, all with equal labels. Of copies made of the 2,004 test images of HAM10000 they find: 97 % after JPEG
at quality 90, 91 % at 75, 99 % with noise of 3 grey levels, 92 % after halving and doubling the size; but
43 % with one pixel cut off all round, and 2 % shifted by one pixel.
"""

MIN_CORRELATION = 0.96
"""Least Pearson correlation of the aligned pixels, each channel around its own mean.

Around a common mean the skin's red against its blue alone would correlate: at 6 bits and 0.96 that finds 317
pairs, of which 40 % show one lesion.
"""

BLANK_SD = 2.0
"""Standard deviation, in grey levels, below which an image shows nothing: rounding and noise, no content.

The flattest image is at 5.5 in HAM10000, at 6.9 in CIFAR-10, at 10.3 in AdrenalMNIST3D.
"""

LISTED = 200
"""Pairs and images that a list names at most; counts are of all."""
