"""Records and their clusters in, the table and the FASTA of `dnacse cluster` out."""

import csv
from pathlib import Path

import numpy as np

from ..clustering.entries import Entry
from ..machine.atomic import written_whole
from ..reading.rereading import RecordFile

COLUMNS = ("id", "cluster", "size", "similarity", "medoid")


def write_clusters(
    path: Path, entries: list[Entry], labels: np.ndarray, centres: np.ndarray, similarities: np.ndarray
) -> None:
    """Write the table of `COLUMNS`.

    Args:
        path: The table.
        entries: Records (n,).
        labels: Cluster of each record (n,), from 0.
        centres: Row of each cluster's medoid (k,).
        similarities: Cosine of each record to the medoid of its cluster (n,).
    """
    sizes = np.bincount(labels)
    with written_whole(path) as hidden, hidden.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        for entry, label, similarity in zip(entries, labels.tolist(), similarities.tolist(), strict=True):
            medoid = entries[centres[label]].id
            table.writerow((entry.id, f"c{label + 1}", sizes[label], f"{min(similarity, 1):.4f}", medoid))


def write_representatives(path: Path, source: RecordFile, labels: np.ndarray, centres: np.ndarray) -> None:
    """Write the medoids as FASTA, in the order of their clusters, reading their sequences again."""
    wanted = set(centres.tolist())
    records = {row: record for row, record in enumerate(source.read()) if row in wanted}
    sizes = np.bincount(labels)
    with written_whole(path) as hidden, hidden.open("w", encoding="utf-8") as file:
        for label, row in enumerate(centres.tolist()):
            record = records[row]
            file.write(f">{record.id} cluster=c{label + 1} size={sizes[label]}\n{record.sequence}\n")
