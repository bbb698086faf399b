"""The door through which sections enter a card; the built-in ones use the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from xaireport.errors import ConfigError
from xaireport.report.document.blocks import Block, Paragraph, Section, State
from xaireport.report.document.cursor import Cursor

Content = tuple[State, tuple[Block, ...]]


@dataclass(frozen=True)
class Card:
    """What a section is made from: the study and the variant the card is about."""

    study: Cursor
    variant: Cursor
    made: Mapping[str, Section] = field(default_factory=dict)
    """Letter -> the sections that come before this one."""

    @property
    def name(self) -> str:
        """The variant's name."""
        return str(self.variant.path[-1])

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.study.get("classes"))


@dataclass(frozen=True)
class SectionMaker:
    """One section of the card.

    Parameters
    ----------
    letter : str
        A to P, of what a card must contain; a section from outside takes any other mark.
    title : str
        Its heading.
    make : callable
        Card -> state and blocks.
    order : int
        Where it stands on the page, for readers: results first, then what explains them.
    """

    letter: str
    title: str
    make: Callable[[Card], Content]
    order: int

    def __call__(self, card: Card) -> Section:
        """Make the section."""
        state, blocks = self.make(card)
        return Section(self.letter, self.title, state, blocks)


def absent(sentence: str) -> Callable[[Card], Content]:
    """Return a maker of a section that is missing, and says what is missing."""
    return lambda card: ("missing", (Paragraph((sentence,), "muted"),))


def sections(card: Card, makers: Iterable[SectionMaker]) -> tuple[Section, ...]:
    """Make all sections in reading order, those that are missing last; a letter may be taken once.

    Raises
    ------
    ConfigError
        Two sections claim the same letter.
    """
    by_letter: dict[str, SectionMaker] = {}
    taken: set[str] = set()
    for maker in makers:
        if maker.letter.lower() in taken:  # the ids of a page are in small letters
            raise ConfigError("one section per letter", f"two for {maker.letter}: {maker.title}")
        taken.add(maker.letter.lower())
        by_letter[maker.letter] = maker
    made: dict[str, Section] = {}
    for maker in sorted(by_letter.values(), key=lambda maker: maker.order):
        made[maker.letter] = maker(replace(card, made=dict(made)))
    return tuple(sorted(made.values(), key=lambda section: section.state == "missing"))
