"""What is found out about a data set before any model sees it: counts, copies, leaks, and how they look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from xaireport.types.data import SplitName
from xaireport.types.evidence import Skipped

ExhibitKind = Literal["conflicting", "exact", "near", "group", "blank"]
EXHIBIT_KINDS: tuple[ExhibitKind, ...] = ("conflicting", "exact", "near", "group", "blank")
"""What an audit shows, most telling first: two labels on one image, copies, look-alikes, a group, nothing."""


@dataclass(frozen=True)
class AuditedSplit:
    """One split in numbers.

    Parameters
    ----------
    n : int
        Images.
    groups : int or None
        Patients or lesions; None where the data name none.
    per_class : tuple of int
        Images of each class, in the order of the labels.
    share : tuple of float
        The same as shares of ``n``.
    brightness_mean, brightness_sd : float
        Over images, of their mean pixel value (all channels), 0–255; population standard deviation.
    """

    n: int
    groups: int | None
    per_class: tuple[int, ...]
    share: tuple[float, ...]
    brightness_mean: float
    brightness_sd: float


@dataclass(frozen=True)
class Drift:
    """How far the class balance differs between the splits.

    Parameters
    ----------
    difference : float
        The largest difference of one class's share between two splits.
    label : str
        That class.
    splits : tuple of two split names
        Those splits, the one with the smaller share first.
    chi2_p, cramers_v : float or None
        Of the table split × class: p-value of the chi-squared test, and strength of the association, 0 to 1.
        None where only one class or one split has images.
    smallest_expected : float or None
        Smallest expected count of that table; below 5 the p-value is rough.
    """

    difference: float
    label: str
    splits: tuple[SplitName, SplitName]
    chi2_p: float | None
    cramers_v: float | None
    smallest_expected: float | None


@dataclass(frozen=True)
class Pair:
    """Two images that have something in common; a blank image stands alone.

    Parameters
    ----------
    sample_ids, splits, labels : tuple of str, of split names, of int
        Of the first and the second image, in the order train, val, test; labels are class indices.
    same_group : bool or None
        Whether both show one group; None where the data name none.
    correlation : float or None
        Of the aligned pixels; None where they are identical or were not compared.
    view : str
        How the first has to be seen to look like the second, such as "as it is" or "turned by 180°"; empty
        where they were not compared.
    """

    sample_ids: tuple[str, ...]
    splits: tuple[SplitName, ...]
    labels: tuple[int, ...]
    same_group: bool | None
    correlation: float | None
    view: str


@dataclass(frozen=True)
class Exhibit(Pair):
    """A pair as a picture: the first image on the left, the second on the right.

    Parameters
    ----------
    file : str
        JPEG file, path relative to the folder of ``results.json``.
    kind : str
        Why it is shown.
    slices : tuple of str
        In 3D: what each row shows ("axis 0, slice 14", …).
    """

    file: str
    kind: ExhibitKind
    slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairCount:
    """Pairs of one kind, and how many different images are in them."""

    pairs: int
    images: int


@dataclass(frozen=True)
class Duplicates:
    """Pairs of images with identical pixels.

    Parameters
    ----------
    pairs, images : int
        In all.
    within : mapping of split name to PairCount
        Both images in that split.
    across : mapping of "train-val", "train-test", "val-test" to PairCount
        One image in each.
    conflicting : int
        Pairs with two different labels.
    same_group : int or None
        Pairs that show one group; None where the data name none.
    same_group_share : float or None
        Of all pairs; None where there are none.
    listed : tuple of Pair
        The most telling ones: two labels first, then train–test; no more than a few hundred.
    """

    pairs: int
    images: int
    within: Mapping[str, PairCount]
    across: Mapping[str, PairCount]
    conflicting: int
    same_group: int | None
    same_group_share: float | None
    listed: tuple[Pair, ...]


@dataclass(frozen=True)
class NearDuplicates(Duplicates):
    """Pairs of images that look alike but are not identical, in one of several views.

    Parameters
    ----------
    rule : str
        What counts as one, and what is missed, in words.
    compared : int
        Images searched: all that are not blank.
    candidates : int
        Pairs with similar hashes, from which the pixels chose.
    views : int
        Flips and rotations that each pair was compared in.
    max_distance : int
        Bits, of 64, in which the hashes may differ.
    min_correlation : float
        Least correlation of the aligned pixels.
    """

    rule: str
    compared: int
    candidates: int
    views: int
    max_distance: int
    min_correlation: float


@dataclass(frozen=True)
class GroupLeakage:
    """Test images that show a subject which the model was trained on.

    Parameters
    ----------
    test_images : int
        Test images whose group is also in train.
    test_images_or_val : int
        Test images whose group is also in train or val.
    of : int
        Test images in all.
    clean_n, clean_n_strict : int
        ``of`` less the first, and less the second.
    shared : mapping of "train-val", "train-test", "val-test" to int
        Groups in both splits.
    conflicting : int
        Groups whose images carry more than one label, in all splits together.
    """

    test_images: int
    test_images_or_val: int
    of: int
    clean_n: int
    clean_n_strict: int
    shared: Mapping[str, int]
    conflicting: int


@dataclass(frozen=True)
class Untold:
    """A question that these data cannot answer."""

    skipped: Skipped


@dataclass(frozen=True)
class CleanTest:
    """The part of the test set that stays when what the model may have seen is left out.

    Parameters
    ----------
    rule, rule_strict : str
        What is left out, in words: for what is in train; for what is in train or val.
    of : int
        Test images in all.
    clean_n, clean_n_strict : int
        How many stay.
    left_out : int
        How many do not, by ``rule``.
    same_group, identical, near : int or None
        Test images with a counterpart of that kind in train; None where the rule does not ask.
    """

    rule: str
    rule_strict: str
    of: int
    clean_n: int
    clean_n_strict: int
    left_out: int
    same_group: int | None
    identical: int
    near: int | None


@dataclass(frozen=True)
class BlankImage:
    """An image with nothing in it; ``sd`` as in :class:`BlankImages`."""

    sample_id: str
    split: SplitName
    label: int
    sd: float
    constant: bool


@dataclass(frozen=True)
class BlankImages:
    """Images with next to no contrast.

    Parameters
    ----------
    below_sd : float
        An image is blank where its pixels' standard deviation around their channel's mean is below this, in
        grey levels of 255.
    blank, constant : mapping of split name to int
        Blank images, and those of them in which every channel has only one value.
    listed : tuple of BlankImage
        The flattest first; no more than a few hundred.
    """

    below_sd: float
    blank: Mapping[str, int]
    constant: Mapping[str, int]
    listed: tuple[BlankImage, ...]


@dataclass(frozen=True)
class DataAudit:
    """All that was found out about a data set.

    Parameters
    ----------
    images : int
        In all splits.
    groups : int or None
        Different groups in all splits; None where the data name none.
    splits : mapping of split name to AuditedSplit
    drift : Drift
    exact_duplicates : Duplicates
    near_duplicates : NearDuplicates
    group_leakage : GroupLeakage or Untold
    clean_test : CleanTest
    blank : BlankImages
    gallery : tuple of Exhibit
        A few of the finds as pictures, most telling first.
    """

    images: int
    groups: int | None
    splits: Mapping[str, AuditedSplit]
    drift: Drift
    exact_duplicates: Duplicates
    near_duplicates: NearDuplicates
    group_leakage: GroupLeakage | Untold
    clean_test: CleanTest
    blank: BlankImages
    gallery: tuple[Exhibit, ...]
