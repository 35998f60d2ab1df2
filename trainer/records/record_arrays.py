"""A table of records in, numpy arrays with a value for each record out.

Arrow numbers the labels and measures the lengths, and sequences are read a thousand at a time. So memory grows by a
few bytes for each record, independent of the sequences.
"""
# pyright: reportAttributeAccessIssue=false
# (pyarrow creates the functions of pyarrow.compute when it is imported)

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset as Records

from modeling_dnacse.reading.sequences import reverse_complement


def label_column(records: Records, name: str) -> pa.Array:
    """The labels of a column in the order of the rows; "" if a label, or the whole column, is missing."""
    if name not in records.column_names:
        return pa.repeat("", len(records))
    table = records.select_columns([name]).with_format("arrow")[:]
    return pc.fill_null(table.column(name).combine_chunks(), "")


def number_column(records: Records, name: str) -> np.ndarray:
    """The whole numbers of a column in the order of the rows: (records,)."""
    return records.select_columns([name]).with_format("arrow")[:].column(name).to_numpy()


def label_ranks(labels: Sequence[str] | pa.Array) -> np.ndarray:
    """The rank of each label among the distinct labels in alphabetical order; -1 for the label "".

    >>> label_ranks(["b", "", "a", "b", ""])
    array([ 1, -1,  0,  1, -1])
    """
    encoded = pa.array(labels, pa.string()).dictionary_encode()
    ranks = pc.rank(encoded.dictionary, tiebreaker="dense").to_numpy().astype(np.int64)
    ranks -= 1 + pc.any(pc.equal(encoded.dictionary, ""), min_count=0).as_py()  # "" sorts before all others
    return ranks[encoded.indices.to_numpy()]


def species_numbers(names: Sequence[str] | pa.Array) -> np.ndarray:
    """Number the species; each record without a species gets a number of its own.

    >>> species_numbers(["b", "", "a", "b", ""])
    array([1, 2, 0, 1, 3])
    """
    numbers = label_ranks(names)
    unknown = numbers < 0
    numbers[unknown] = numbers.max(initial=-1) + 1 + np.arange(unknown.sum())
    return numbers


def sequence_lengths(records: Records) -> np.ndarray:
    """The length of each sequence in bp: (records,)."""
    batches = [pc.binary_length(sequences).to_numpy(zero_copy_only=False) for sequences in sequence_batches(records)]
    return np.concatenate([*batches, []]).astype(np.int64)


def distinct_rows(records: Records) -> np.ndarray:
    """One row of each distinct sequence: (rows,), ascending.

    Of duplicates, the first with a species is kept, or the first if none has a species.
    """
    hashes = sequence_hashes(records)
    labelled_first = np.argsort(label_ranks(label_column(records, "species")) < 0, kind="stable")
    return np.sort(labelled_first[np.unique(hashes[labelled_first], return_index=True)[1]])


def sequence_hashes(records: Records) -> np.ndarray:
    """A 64-bit hash of each sequence, the same for its reverse complement, since both are one molecule: (rows,) int64.

    Among 10 million, the probability that two different sequences have one hash is 1 in 400,000.
    """
    both = (
        hash(min(sequence, reverse_complement(sequence)))
        for sequences in sequence_batches(records)
        for sequence in sequences.to_pylist()
    )
    return np.fromiter(both, dtype=np.int64, count=len(records))


def checksum(records: Records) -> int:
    """A checksum of the sequences in their order."""
    total = 0
    for sequences in sequence_batches(records):
        total = crc32("\n".join(sequences.to_pylist()).encode(), total)
    return total


def sequence_batches(records: Records) -> Iterator[pa.ChunkedArray]:
    """The sequences, a thousand at a time."""
    for table in records.select_columns(["sequence"]).with_format("arrow").iter(1000):
        yield table.column("sequence")
