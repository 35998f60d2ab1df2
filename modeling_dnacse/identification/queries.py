"""Files of queries in; their sequences out, with unique ids and abundances, and without primers.

Each file is a sample. If an id occurs in two files, all ids get the name of the sample, as in sample1:seq1.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import count, zip_longest
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..machine.control_characters import refuse_controls
from ..machine.file_names import text_of
from ..reading.abundances import Abundances
from ..reading.formats import COMPRESSIONS
from ..reading.given_sequences import SHOWN, each_sequence
from ..reading.primers import primer_at_an_end, trim_primers
from ..reading.rereading import RecordFile
from ..reading.seen_ids import SeenIds
from ..reading.sequences import AlphabetCounts, clean_sequence

LOOKED_AT = 200  # first queries that are searched for primers
OFTEN = 0.2  # share of these; a primer in more of them is reported


class Query(NamedTuple):
    """A sequence to identify: its id, its bases, its abundance and its sample (file)."""

    id: str
    sequence: str
    size: int = 1
    sample: str = ""


class QueryFiles:
    """Files of queries, each read several times."""

    def __init__(self, paths: Sequence[Path], primers: tuple[str, str] | None = None) -> None:
        """Take the files, and the forward and reverse primers to remove.

        Raises:
            ValueError: a file is missing or cannot be read twice, or two have the same name.
        """
        self.files = [RecordFile(path) for path in paths]
        self.samples = [sample_of(path) for path in paths]
        twice = [sample for sample, count in Counter(self.samples).items() if count > 1]
        if twice:
            raise ValueError(f"two files of queries are called {twice[0]}; rename one, since each is a sample")
        self.primers = primers
        self.count, self.has_sizes, self.with_sample = 0, False, False

    def check(self) -> None:
        """Read all files once, and report on stderr what they hold and whether they have primers.

        Raises:
            ValueError: two queries would have one id.
        """
        seen, primers, trimmed = SeenIds(), Counter[str](), Counter[int]()
        for file in self.files:
            counts = AlphabetCounts()
            for record in file.read(counts):
                self.with_sample |= not seen.add(record.id)
                self.has_sizes |= record.size != 1
                if self.primers:
                    trimmed[trim_primers(record.sequence, *self.primers).found] += 1
                elif self.count < LOOKED_AT and (name := primer_at_an_end(record.sequence)):
                    primers[name] += 1
                self.count += 1
            sys.stderr.write(f"{file.path}: {counts.summary()}\n")
        if self.with_sample:
            self._refuse_equal_names()
            sys.stderr.write(
                f"ids occur in several files, so each gets the name of its file, as in {self.samples[0]}:ID\n"
            )
        if self.primers:
            sys.stderr.write(
                f"primers removed: {trimmed[2]:,} queries had both, {trimmed[1]:,} one, {trimmed[0]:,} none\n"
            )
        for name, found in primers.most_common(2):
            if found > OFTEN * min(self.count, LOOKED_AT):
                sys.stderr.write(
                    f"warning: {found:,} of the first {min(self.count, LOOKED_AT):,} queries begin or end with the "
                    f"primer {name}; its bases are not the specimen's: remove primers with --trim_primers\n"
                )

    def _refuse_equal_names(self) -> None:
        """Refuse ids that are equal once samples are before them, such as b:x of a and x of a:b.

        Raises:
            ValueError: there are such ids.
        """
        if not any(one.startswith(f"{other}:") for one in self.samples for other in self.samples):
            return
        seen: dict[str, Path] = {}
        for file, sample in zip(self.files, self.samples, strict=True):
            for record in file.read():
                name = f"{sample}:{record.id}"
                if seen.setdefault(name, file.path) != file.path:
                    raise ValueError(
                        f"{seen[name]} and {file.path} would both have a query {name!r}, since ids get the name of "
                        "their file; rename one of the files"
                    )

    def read(self) -> Iterator[Query]:
        """Yield the queries of all files, as `RecordFile.read` does."""
        for file, sample in zip(self.files, self.samples, strict=True):
            for record in file.read():
                identifier = f"{sample}:{record.id}" if self.with_sample else record.id
                sequence = trim_primers(record.sequence, *self.primers).sequence if self.primers else record.sequence
                yield Query(identifier, sequence, record.size, sample)

    def check_abundances(self, abundances: Abundances, path: Path) -> None:
        """Compare a table of counts with the queries, and report on stderr which ids they do not share.

        Raises:
            ValueError: they share no id.
        """
        lacking, example = 0, ""
        for query in self.read():
            if query.id not in abundances.of:
                lacking, example = lacking + 1, example or query.id
        shared = self.count - lacking
        if not shared:
            raise ValueError(
                f"{path}: none of the {self.count:,} queries is in it, such as {example!r}; ids must agree"
            )
        if lacking:
            sys.stderr.write(f"{path}: {lacking:,} queries are not in it, such as {example!r}; their counts are 0\n")
        if len(abundances.of) > shared:
            sys.stderr.write(f"{path}: {len(abundances.of) - shared:,} of its rows belong to no query\n")


def sample_of(path: Path) -> str:
    """The name of a file without its suffixes of format and compression.

    >>> sample_of(Path("runs/site.1.fasta.gz"))
    'site.1'
    """
    name = Path(path.stem) if path.suffix.lower() in COMPRESSIONS else Path(path.name)
    return text_of(name.stem)


def check_numbers(**options: Any) -> None:
    """Check that options given in Python are numbers, or numbers by rank; None: not given.

    Raises:
        ValueError: one is something else.
    """
    for name, value in options.items():
        by_rank = isinstance(value, Mapping) and name in ("precision", "confidence")
        numbers = list(value.values()) if by_rank else [] if value is None else [value]
        kinds = (int, float, np.integer, np.floating)  # numpy computes with no other number, such as a Fraction
        if not all(isinstance(number, kinds) and not isinstance(number, bool) for number in numbers):
            allowed = "a number (int or float)" + ", or numbers by rank" * (name in ("precision", "confidence"))
            raise ValueError(f"{name} is {value!r:.{SHOWN}}; it must be {allowed}")


def each_id(ids: Iterable[str]) -> Iterator[str]:
    """Ids that a caller gives in Python, as text.

    Raises:
        ValueError: they are one text or have no order; or one is neither text nor a whole number, or holds a control
            character or a part of one (a surrogate).
    """
    if isinstance(ids, str | bytes | Mapping | Set) or not isinstance(ids, Iterable):
        raise ValueError(f"got one {type(ids).__name__} as ids; give a list with one id for each sequence")
    for number, name in enumerate(ids):
        if not isinstance(name, str | Integral) or name == "":
            raise ValueError(f"id {number} is {name!r:.{SHOWN}}; give text or a whole number")
        refuse_controls(f"id {number}", str(name), "it")
        if not str(name).isascii() and any("\ud800" <= letter <= "\udfff" for letter in str(name)):
            raise ValueError(f"id {number} is {name!r:.{SHOWN}}, which is no text in UTF-8; give text")
        yield str(name)


def queries_of(sequences: Iterable[str], ids: Iterable[str] | None) -> Iterator[Query]:
    """Queries from sequences and their ids; without ids they are numbered from 1.

    Raises:
        ValueError: an entry is not a sequence, or there is not one id for each, or an id is there twice.
    """
    given, seen = each_sequence(sequences), SeenIds()
    pairs = zip(map(str, count(1)), given) if ids is None else zip_longest(each_id(ids), given)  # noqa: B905
    for name, sequence in pairs:
        if name is None or sequence is None:
            raise ValueError(
                f"there are {'fewer' if name is None else 'more'} ids than sequences; give one id for each"
            )
        if ids is not None and not seen.add(name):
            raise ValueError(f"the id {name[:SHOWN]!r} is there twice; give each sequence one of its own")
        try:
            cleaned = clean_sequence(sequence)
        except ValueError as error:
            raise ValueError(f"the sequence {name[:SHOWN]!r}: {error}") from None
        if not cleaned:
            raise ValueError(f"the sequence {name[:SHOWN]!r} has no bases; leave it out")
        yield Query(name, cleaned)
