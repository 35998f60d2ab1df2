"""A table of records in; numpy arrays about all of its rows out.

Labels are numbered and lengths counted inside Arrow, and sequences pass by a thousand at a time, so that memory grows
by some bytes a record and never with the sequences.
"""
# pyright: reportAttributeAccessIssue=false
# (pyarrow makes the functions of pyarrow.compute when it is imported)

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset as Records

from modeling_dnacse.reading.sequences import reverse_complement


def label_column(records: Records, name: str) -> pa.Array:
    """The labels of a column in the order of the rows, "" for what is unknown: also where there is no such column."""
    if name not in records.column_names:
        return pa.repeat("", len(records))
    table = records.select_columns([name]).with_format("arrow")[:]
    return pc.fill_null(table.column(name).combine_chunks(), "")


def number_column(records: Records, name: str) -> np.ndarray:
    """The whole numbers of a column in the order of the rows: (records,)."""
    return records.select_columns([name]).with_format("arrow")[:].column(name).to_numpy()


def label_ranks(labels: Sequence[str] | pa.Array) -> np.ndarray:
    """The place of each label among the distinct ones in alphabetical order; -1 where the label is "".

    >>> label_ranks(["b", "", "a", "b", ""])
    array([ 1, -1,  0,  1, -1])
    """
    encoded = pa.array(labels, pa.string()).dictionary_encode()
    ranks = pc.rank(encoded.dictionary, tiebreaker="dense").to_numpy().astype(np.int64)
    ranks -= 1 + pc.any(pc.equal(encoded.dictionary, ""), min_count=0).as_py()  # "" comes before all others
    return ranks[encoded.indices.to_numpy()]


def species_numbers(names: Sequence[str] | pa.Array) -> np.ndarray:
    """Number the species; each record without one gets a number of its own.

    >>> species_numbers(["b", "", "a", "b", ""])
    array([1, 2, 0, 1, 3])
    """
    numbers = label_ranks(names)
    unknown = numbers < 0
    numbers[unknown] = numbers.max(initial=-1) + 1 + np.arange(unknown.sum())
    return numbers


def sequence_lengths(records: Records) -> np.ndarray:
    """Length of each sequence: (records,) bp."""
    batches = [pc.binary_length(sequences).to_numpy(zero_copy_only=False) for sequences in sequence_batches(records)]
    return np.concatenate([*batches, []]).astype(np.int64)


def distinct_rows(records: Records) -> np.ndarray:
    """The rows that remain when exact duplicates are merged: (rows,), ascending.

    A sequence and its reverse complement are one molecule and count as duplicates. Of copies the first that has a
    species stays, or else the first. Sequences are told apart by a 64-bit hash: among 10 million there is one chance
    in 400,000 that two different ones are taken for copies.
    """
    hashes = np.fromiter(
        (
            hash(min(sequence, reverse_complement(sequence)))
            for sequences in sequence_batches(records)
            for sequence in sequences.to_pylist()
        ),
        dtype=np.int64,
        count=len(records),
    )
    labelled_first = np.argsort(label_ranks(label_column(records, "species")) < 0, kind="stable")
    return np.sort(labelled_first[np.unique(hashes[labelled_first], return_index=True)[1]])


def sequence_batches(records: Records) -> Iterator[pa.ChunkedArray]:
    """The sequences, a thousand at a time."""
    for table in records.select_columns(["sequence"]).with_format("arrow").iter(1000):
        yield table.column("sequence")
