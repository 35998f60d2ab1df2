"""Contigs and their bins in, the files of `dnacse bin` out: FASTA, the tables of CAMI and DAS_Tool, the sizes."""

from pathlib import Path

import numpy as np

from ..clustering.entries import Entry
from ..reading.rereading import RecordFile


def number_by_size(bins: np.ndarray, bp: np.ndarray) -> np.ndarray:
    """Number bins from 1, the one with most bp first: bins (n,) with -1 for no bin, and bp (n,), to bins (n,).

    >>> number_by_size(np.array([1, 2, -1, 2]), np.array([5, 3, 9, 3])).tolist()
    [2, 1, -1, 1]
    """
    numbers, members = np.unique(bins[bins > 0], return_inverse=True)
    order = np.argsort(-np.bincount(members, bp[bins > 0], len(numbers)), kind="stable")
    numbered = np.full(len(bins), -1)
    numbered[bins > 0] = np.argsort(order)[members] + 1
    return numbered


def write_table(path: Path, sample: str, entries: list[Entry], bins: np.ndarray) -> None:
    """Write which contig is in which bin, in the format that CAMI's tools read."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"@Version:0.9.1\n@SampleID:{sample}\n@@SEQUENCEID\tBINID\t_LENGTH\n")
        for entry, number in zip(entries, bins.tolist(), strict=True):
            if number > 0:
                file.write(f"{entry.id}\tbin_{number}\t{entry.bp}\n")


def write_contigs2bin(path: Path, entries: list[Entry], bins: np.ndarray) -> None:
    """Write which contig is in which bin, in the format of DAS_Tool: contig, tab, bin; no header."""
    with path.open("w", encoding="utf-8") as file:
        for entry, number in zip(entries, bins.tolist(), strict=True):
            if number > 0:
                file.write(f"{entry.id}\tbin_{number}\n")


def n50(lengths: np.ndarray) -> int:
    """Length of the contig at which the longest contigs (n,) come to half of all bp.

    >>> n50(np.array([2, 5, 3, 4]))
    4
    """
    longest = np.sort(lengths)[::-1]
    return int(longest[np.searchsorted(longest.cumsum(), longest.sum() / 2)])


def write_sizes(path: Path, bins: np.ndarray, bp: np.ndarray, consistency: np.ndarray) -> None:
    """Write a line for each bin: its contigs, bp, N50, longest contig and consistency.

    Args:
        path: The table.
        bins: Bin of each contig (n,), from 1; -1: no bin.
        bp: Its length (n,).
        consistency: Share of its nearest contigs that are in its bin (n,).
    """
    with path.open("w", encoding="utf-8") as file:
        file.write("bin\tcontigs\tbp\tn50\tlongest\tconsistency\n")
        for number in range(1, max(bins.max(), 0) + 1):
            inside = bins == number
            own = bp[inside]
            mean = np.average(consistency[inside], weights=own)
            file.write(f"bin_{number}\t{len(own)}\t{own.sum()}\t{n50(own)}\t{own.max()}\t{mean:.3f}\n")


def write_bins(folder: Path, source: RecordFile, bins: np.ndarray) -> None:
    """Write the contigs of each bin as FASTA, reading them again.

    Files are opened one at a time, since there may be more bins than files that a process may hold open.
    """
    (folder / "unbinned.fasta").touch()
    for record, number in zip(source.read(), bins.tolist(), strict=True):
        name = f"bin_{number}.fasta" if number > 0 else "unbinned.fasta"
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f">{record.id}\n{record.sequence}\n")
