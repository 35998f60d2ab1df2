"""Records and their clusters in, the files of `dnacse cluster` out: a table, vsearch's .uc, and FASTA."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..clustering.entries import Entry, Listing
from ..clustering.representatives import opposite_strands
from ..machine.atomic import whole_text

COLUMNS = ("id", "cluster", "size", "similarity", "representative")


class Grouping(NamedTuple):
    """Clusters of n records, 0 to k - 1, none empty."""

    labels: np.ndarray  # (n,)
    centres: np.ndarray  # (k,) row of each cluster's representative
    similarity: np.ndarray  # (n,) to the representative, NaN where it is unknown
    opposite: np.ndarray | None = None  # (n,) bool: not on the strand of the representative; None: not compared

    @property
    def numbers(self) -> list[str]:
        """Names of the clusters by their order (k,): c1 is the largest."""
        return [f"c{number}" for number in range(1, len(self.centres) + 1)]


def write_table(path: Path, listing: Listing, found: Grouping, names: list[str]) -> None:
    """Write the table of `COLUMNS`, a line for each record."""
    entries = listing.entries
    sizes = np.bincount(found.labels)
    with whole_text(path) as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        for entry, label, similarity in zip(entries, found.labels.tolist(), found.similarity.tolist(), strict=True):
            shown = "" if np.isnan(similarity) else f"{min(similarity, 1):.4f}"
            table.writerow((entry.id, names[label], sizes[label], shown, entries[found.centres[label]].id))


def write_uc(path: Path, listing: Listing, found: Grouping, _names: list[str]) -> None:
    """Write the table of `vsearch --uc`: S for a representative, H for each other record, then C for each cluster.

    There are no alignments: the column of the CIGAR is `*`. Clusters count from 0.
    """
    entries, unused = listing.entries, ("*",) * 4
    opposite = found.opposite
    if opposite is None:
        opposite = opposite_strands(listing.file, found.centres[found.labels])
    sized = have_sizes(entries)
    names = [f"{entry.id};size={entry.size}" if sized else entry.id for entry in entries]
    with whole_text(path) as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        columns = (found.labels.tolist(), found.similarity.tolist(), opposite.tolist())
        for row, (entry, label, similarity, turned) in enumerate(zip(entries, *columns, strict=True)):
            centre = int(found.centres[label])
            if row == centre:
                table.writerow(("S", label, entry.bp, "*", *unused, names[row], "*"))
            else:
                identity = "*" if np.isnan(similarity) else f"{100 * min(similarity, 1):.1f}"
                strand = "-" if turned else "+"
                table.writerow(("H", label, entry.bp, identity, strand, 0, 0, "*", names[row], names[centre]))
        for label, (centre, size) in enumerate(zip(found.centres.tolist(), np.bincount(found.labels), strict=True)):
            table.writerow(("C", label, size, "*", *unused, names[centre], "*"))


FORMATS = {"tsv": write_table, "uc": write_uc}


def write_representatives(path: Path, listing: Listing, found: Grouping, names: list[str]) -> None:
    """Write the representatives as FASTA, in the order of their clusters, reading their sequences again.

    If records have an abundance, `;size=` is the sum over the cluster, as in vsearch --sizeout.
    """
    entries, wanted = listing.entries, set(found.centres.tolist())
    sequences = {row: record.sequence for row, record in enumerate(listing.file.read()) if row in wanted}
    counts = np.bincount(found.labels)
    sums = np.bincount(found.labels, [entry.size for entry in entries]).astype(int)
    sized = have_sizes(entries)
    with whole_text(path) as file:
        for label, row in enumerate(found.centres.tolist()):
            name = f"{entries[row].id};size={sums[label]}" if sized else entries[row].id
            file.write(f">{name} cluster={names[label]} size={counts[label]}\n{sequences[row]}\n")


def have_sizes(entries: list[Entry]) -> bool:
    """Whether any record has an abundance above 1; otherwise no abundances are written."""
    return any(entry.size > 1 for entry in entries)
