"""Views of a sequence, that is crops of it, on either strand, with errors. Text in, text out.

A view is made in this order: a random crop; base substitutions, deletions and insertions; one of the two strands. All
randomness comes from the given Generator, so the seed of a pair decides its views, wherever they are made.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from modeling_dnacse.reading.sequences import reverse_complement

Pairing = Literal["same_species", "same_genus", "same_record_fragments", "identical", "reverse_complement", "mutated"]
Strand = Literal["forward", "reverse", "random"]

# Rates of `--pairing mutated` where none is given. Ours: about the distance between records of one species
DEFAULT_MUTATION = {"substitution_rate": 0.02, "insertion_rate": 0.002, "deletion_rate": 0.002}
LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
NUMBERS = np.full(256, 4, dtype=np.uint8)  # A C G T are 0 1 2 3, all else is N
NUMBERS[LETTERS] = np.arange(5)


@dataclass(frozen=True)
class Views:
    """How views differ from their sequence; by default, not at all.

    Attributes:
        crop: Shortest and longest crop in bp, before insertions and deletions. Length and position are random; a
            sequence shorter than the length stays whole.
        strand: "random" takes either strand of each view with equal probability; "reverse" always the other one.
        substitution_rate: Probability that a base becomes one of the three others; N stays N.
        insertion_rate: Probability that a random base is inserted, for each position between two bases and both ends.
        deletion_rate: Probability that a base is deleted.
    """

    crop: tuple[int, int] | None = None
    strand: Strand = "forward"
    substitution_rate: float = 0.0
    insertion_rate: float = 0.0
    deletion_rate: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: the range of the crop is empty, or a rate is not a probability below 1.
        """
        if self.crop is not None and not 1 <= self.crop[0] <= self.crop[1]:
            raise ValueError(f"a crop of {self.crop[0]} to {self.crop[1]} bp; give 1 <= shortest <= longest")
        for name in ("substitution_rate", "insertion_rate", "deletion_rate"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must be at least 0 and below 1")

    @property
    def mutates(self) -> bool:
        """Whether any of the rates is above zero."""
        return bool(self.substitution_rate or self.insertion_rate or self.deletion_rate)

    def __call__(self, sequence: str, rng: np.random.Generator) -> str:
        """Make one view of `sequence`."""
        if self.crop is not None:
            sequence = crop(sequence, *self.crop, rng)
        if self.mutates:
            sequence = mutate(sequence, self.substitution_rate, self.insertion_rate, self.deletion_rate, rng)
        if self.strand == "reverse" or (self.strand == "random" and rng.random() < 0.5):
            sequence = reverse_complement(sequence)
        return sequence

    def expected_lengths(self, lengths: np.ndarray) -> np.ndarray:
        """The approximate lengths (n,) in bp of views of sequences of `lengths` (n,) bp.

        >>> Views(crop=(200, 400)).expected_lengths(np.array([150, 650])).tolist()
        [150, 300]
        """
        return lengths if self.crop is None else np.minimum(lengths, sum(self.crop) // 2)


def crop(sequence: str, shortest: int, longest: int, rng: np.random.Generator) -> str:
    """A random stretch of `shortest` to `longest` bp; each length, and then each position, is equally likely.

    >>> crop("ACGT", 4, 9, np.random.default_rng(0))
    'ACGT'
    """
    length = int(rng.integers(shortest, longest + 1))
    start = int(rng.integers(max(len(sequence) - length, 0) + 1))
    return sequence[start : start + length]


def mutate(
    sequence: str, substitution_rate: float, insertion_rate: float, deletion_rate: float, rng: np.random.Generator
) -> str:
    """Substitute, delete and insert bases independently; at least one base remains.

    Args:
        sequence: Letters of ACGTN, as the alphabet policy gives them.

    >>> mutate("AAAA", 0.999999, 0.0, 0.0, np.random.default_rng(0))
    'CTGT'
    """
    bases = NUMBERS[np.frombuffer(sequence.encode(), dtype=np.uint8)]  # (bp,)
    hit = (rng.random(len(bases)) < substitution_rate) & (bases < 4)
    bases[hit] = (bases[hit] + rng.integers(1, 4, int(hit.sum()))) % 4
    kept = rng.random(len(bases)) >= deletion_rate
    bases = bases[kept] if kept.any() else bases[:1]
    places = np.flatnonzero(rng.random(len(bases) + 1) < insertion_rate)
    bases = np.insert(bases, places, rng.integers(4, size=len(places)))
    return LETTERS[bases].tobytes().decode()


def views_of_sides(views: Views, pairing: Pairing) -> tuple[Views, Views]:
    """The views of anchors and of positives, for records of a table.

    Both sides differ from their records in the same way, with two exceptions: under `mutated` only the positive has
    errors, and under `reverse_complement` the positive is on the other strand.

    Raises:
        ValueError: the pairing needs genomes, or it sets the strands itself and a strand was chosen.
    """
    if pairing == "same_record_fragments":
        raise ValueError(
            "--pairing same_record_fragments takes windows of genomes from FASTA files; for records of a "
            "table or a data set use --pairing identical with --crop, or write them as FASTA"
        )
    if pairing == "reverse_complement":
        if views.strand != "forward":
            raise ValueError(
                f"--pairing reverse_complement sets the strands itself; leave out --strand {views.strand}, or use "
                "--pairing identical"
            )
        return views, replace(views, strand="reverse")
    if pairing == "mutated":
        exact = replace(views, substitution_rate=0.0, insertion_rate=0.0, deletion_rate=0.0)
        return exact, views
    return views, views
