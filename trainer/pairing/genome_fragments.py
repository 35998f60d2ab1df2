"""Pairs of windows of genomes, read from indexed FASTA when they are needed.

A pair is two windows of one record that do not overlap, anywhere in the record, on the strand of the file unless the
views choose another. A record too short for two windows gives windows of half its length, down to SHORTEST bp; shorter
records are left out and counted.

A record of L bp counts as max(1, floor(L / w)) windows, where w is the middle of the range of window lengths. These
numbers decide how species and kingdoms are balanced (shares.py).
"""

import logging
import warnings
from pathlib import Path
from zlib import crc32

import numpy as np
from datasets import Dataset as Records
from torch.utils.data import Dataset

from modeling_dnacse.machine.provenance import sha256_of
from trainer.pairing.pairs import NO_GENUS, Pair, PairIndex
from trainer.pairing.shares import BalancedRows
from trainer.pairing.views import Views
from trainer.records.fasta_index import read_stretch
from trainer.records.record_arrays import label_column, label_ranks, number_column, species_numbers

SHORTEST = 500  # bp of a window, unless shorter windows are requested
MAX_UNKNOWN = 0.1  # share of a window that may be N
TRIES = 20  # places sampled before the windows with the fewest N are taken
logger = logging.getLogger("train.py")


class FragmentDataset(Dataset[Pair]):
    """Records of genomes, indexed by (row, row, seed): a pair is two windows of one record.

    Memory: about 100 bytes for each record, plus the indexes of 64 open files, whatever the number of bases.
    `left_out` counts the records that are too short for two windows, `pairs` the pairs of an epoch.
    """

    def __init__(
        self,
        records: Records,
        length: tuple[int, int] = (10_000, 10_000),
        views: Views = Views(),  # noqa: B008 frozen
        pairs: int | None = None,
    ) -> None:
        """Count the windows, and from them the pairs of an epoch.

        Args:
            records: The table that records/genomes.py makes.
            length: Shortest and longest window in bp; each window's length is random.
            views: How the views of a pair differ from its windows.
            pairs: Pairs of an epoch, at most one for each window; None: see shares.py.

        Raises:
            ValueError: the range of lengths is empty, or no record is long enough.
        """
        if not 1 <= length[0] <= length[1]:
            raise ValueError(f"--fragment_length {length[0]} {length[1]}; give 1 <= shortest <= longest, in bp")
        shortest = 2 * min(length[0], SHORTEST)
        enough = number_column(records, "length") >= shortest
        if not enough.any():
            raise ValueError(
                f"none of the {len(records):,} records has the {shortest:,} bp that two windows need; "
                "lower --fragment_length or give longer sequences"
            )
        self.left_out = int((~enough).sum())
        records = records.select(np.flatnonzero(enough))
        self.views = views
        self.record = number_column(records, "record")  # (records,) position in its file
        self.file, self.files = files_of(records)  # (records,) numbers of files
        self.bp = number_column(records, "length")  # (records,)
        self.longest = np.minimum(length[1], self.bp // 2)  # (records,) bp of a window
        self.shortest = np.minimum(length[0], self.longest)
        self.lengths = views.expected_lengths((self.shortest + self.longest) // 2)
        self.content = crc32("".join(sha256_of(path) for path, _ in self.files).encode(), crc32(self.record.tobytes()))

        names = label_column(records, "species")
        self.species = species_numbers(names)
        unlabelled = int((label_ranks(names) < 0).sum())
        if unlabelled:
            warnings.warn(
                f"{unlabelled:,} records have no species and count as a genome each, so that contigs of one genome "
                "are negatives of each other; write species=... into their headers, or an index.tsv",
                stacklevel=2,
            )

        windows = np.maximum(1, self.bp // (sum(length) // 2))
        kingdoms = label_ranks(label_column(records, "domain"))
        self.balance = BalancedRows(windows, self.species, kingdoms, pairs)
        self.pairs = self.balance.pairs
        logger.info(
            "%s records of %s species hold %s windows and give %s pairs an epoch; %s shorter than %s bp are left out",
            *(f"{number:,}" for number in (len(self), self.species.max() + 1, windows.sum(), self.pairs)),
            *(f"{number:,}" for number in (self.left_out, shortest)),
        )

    def __len__(self) -> int:
        """Number of records that are long enough."""
        return len(self.bp)

    def sample_rows(self, rng: np.random.Generator) -> np.ndarray:
        """Sample the rows of an epoch's pairs, balanced: (pairs,)."""
        return self.balance.sample(rng)

    def __getitem__(self, index: PairIndex) -> Pair:
        """The pair of a row; the seed decides its windows and views."""
        row, _, seed = index
        rng = np.random.default_rng(seed)
        anchor, positive = self.sample_windows(row, rng)
        views = self.views(anchor, rng), self.views(positive, rng)
        return Pair(anchor=views[0], positive=views[1], species=int(self.species[row]), genus=NO_GENUS)

    def sample_windows(self, row: int, rng: np.random.Generator) -> tuple[str, str]:
        """Sample two windows until neither has too many N; after TRIES, take the pair with the fewest."""
        best, least = ("", ""), np.inf
        for _ in range(TRIES):
            anchor, positive = rng.integers(self.shortest[row], self.longest[row] + 1, 2).tolist()
            starts = place_two(int(self.bp[row]), anchor, positive, rng)
            windows = self.read(row, starts[0], anchor), self.read(row, starts[1], positive)
            unknown = max(unknown_share(windows[0], anchor), unknown_share(windows[1], positive))
            if unknown < least:
                best, least = windows, unknown
            if least <= MAX_UNKNOWN:
                break
        return best

    def read(self, row: int, start: int, length: int) -> str:
        """The window of a record."""
        path, index = self.files[int(self.file[row])]
        return read_stretch(path, index, int(self.record[row]), start, start + length)


def files_of(records: Records) -> tuple[np.ndarray, list[tuple[Path, Path]]]:
    """The number of each record's file (records,), and each file's path and index."""
    paths = label_column(records, "path")
    number = label_ranks(paths)
    _, first = np.unique(number, return_index=True)
    columns = (column.take(first).to_pylist() for column in (paths, label_column(records, "index")))
    return number, [(Path(path), Path(index)) for path, index in zip(*columns, strict=True)]


def place_two(bp: int, one: int, other: int, rng: np.random.Generator) -> tuple[int, int]:
    """Starts of two stretches of `one` and `other` bp that do not overlap, all positions equally likely.

    >>> place_two(20, 10, 10, np.random.default_rng(0)) in {(0, 10), (10, 0)}
    True
    """
    left, right = (int(start) for start in np.sort(rng.integers(bp - one - other + 1, size=2)))
    return (left, right + one) if rng.random() < 0.5 else (right + other, left)


def unknown_share(window: str, length: int) -> float:
    """The share of a window of `length` bp that is N or a gap, which was left out.

    >>> unknown_share("ACN", 4)
    0.5
    """
    return 1 - (len(window) - window.count("N")) / length
