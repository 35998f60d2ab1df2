"""Read training and validation records: files or a Hub data set in, Arrow tables of records out.

Files are read once into memory-mapped Arrow tables in a temporary folder, which is removed when the process ends.
Nothing is cached between runs, so a changed file is always read again.
"""

import atexit
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from datasets import Dataset, concatenate_datasets

from modeling_dnacse.loading.hub_datasets import load_commit
from modeling_dnacse.machine.atomic import naming_what_has_no_room
from modeling_dnacse.machine.scratch import scratch_folder
from modeling_dnacse.machine.stamps import check_stamp, stamp_of
from modeling_dnacse.reading.labels import apply_label_policy, read_labelled
from modeling_dnacse.reading.sequences import AlphabetCounts, clean_sequence
from trainer.command_line import refuse_given_twice
from trainer.records.record_arrays import label_column, species_numbers

BATCH_CHARACTERS = 1 << 24
temporary = ExitStack()  # folders, which are removed when the process ends
atexit.register(temporary.close)
logger = logging.getLogger("train.py")


def load_records(
    files: list[str] | None, dataset_name: str | None = None, revision: str | None = None, split: str | None = None
) -> Dataset:
    """Records with the columns sequence and species, from `files` or else from a data set.

    Args:
        files: FASTA, FASTQ, CSV, TSV or parquet.
        dataset_name: Hub id or local folder, if there are no files.
        revision: whole id of a commit; None for a local folder.
        split: keep only rows whose column `split` has this value. For a data set without such a column, take its
            split of this name, by default train.

    Raises:
        ValueError: a file is wrong (the message names file and line), a column or the split is missing, or neither
            files nor a data set is given.
    """
    if files is not None:
        refuse_given_twice(files, "each record would be a pair with itself")
        counts = AlphabetCounts()

        def labelled() -> Iterator[dict[str, str]]:
            for path in map(Path, files):
                stamp = stamp_of(path)
                for row in read_labelled(path, split=split, counts=counts):
                    refuse_no_bases(path, row["id"], row["sequence"])
                    yield row
                check_stamp(path, stamp)

        records = table_on_disk(labelled())
        logger.info("%s: %s", ", ".join(files), counts.summary())
        return records
    if dataset_name is None:
        raise ValueError("there are neither files nor a data set to read; give one of them")
    records = rows_of_split(dataset_name, revision, split)
    missing = {"sequence", "species"} - set(records.column_names)
    if missing:
        raise ValueError(
            f"data set {dataset_name} has the columns {', '.join(records.column_names)}; "
            f"{', '.join(sorted(missing))} is missing"
        )

    def cleaned(row: dict[str, str | None], number: int) -> dict[str, str]:
        try:
            return {
                "id": str(row.get("id") or number),
                "sequence": clean_sequence(row["sequence"] or ""),
                "split": row.get("split") or "",
            } | apply_label_policy(row)
        except ValueError as error:
            raise ValueError(f"data set {dataset_name}, row {number}: {error}") from None

    return records.map(cleaned, with_indices=True, remove_columns=records.column_names, keep_in_memory=False)


def refuse_no_bases(source: str | Path, identifier: str, sequence: str) -> None:
    """Refuse a record that has nothing to learn from.

    Raises:
        ValueError: its sequence holds nothing but N.
    """
    if not sequence.strip("N"):
        raise ValueError(f"{source}: record {identifier!r} holds nothing but N; remove it")


def rows_of_split(name: str, revision: str | None, split: str | None) -> Dataset:
    """The rows of a split of a data set, see `load_records`; all rows if it has a column `split` and none is named.

    Args:
        revision: the whole id of a commit; None for a local folder.

    Raises:
        ValueError: the data set cannot be loaded or has no such split.
    """
    tables = load_commit(name, revision)
    if "split" not in next(iter(tables.values())).column_names:
        if (split or "train") not in tables:
            raise ValueError(f"data set {name} has no split {split or 'train'!r}; it has {', '.join(tables)}")
        return tables[split or "train"]
    records = concatenate_datasets(list(tables.values()))
    if split is None:
        return records
    chosen = np.flatnonzero(label_column(records, "split").to_numpy(zero_copy_only=False) == split)
    if not len(chosen):
        raise ValueError(f"data set {name}: no record has the split {split!r}")
    return records.select(chosen)


def table_on_disk(rows: Iterable[Mapping[str, str | int]]) -> Dataset:
    """Write rows to a memory-mapped Arrow table in a temporary folder; memory holds about BATCH_CHARACTERS of text.

    Batches with a fixed number of rows are no alternative: 1,000 genomes are gigabytes, and for 2,000,000 barcodes in
    batches of a hundred the list of batches alone is.

    Raises:
        ValueError: there are no rows.
    """
    path = temporary.enter_context(scratch_folder()) / "records.arrow"
    batches = (pa.RecordBatch.from_pylist(batch) for batch in batches_by_size(rows))
    first = next(batches, None)
    if first is None:
        raise ValueError("there are no records to train or validate on; give files that have some")
    with naming_what_has_no_room(path), pa.ipc.new_stream(path, first.schema) as writer:
        for batch in itertools.chain([first], batches):
            writer.write_batch(batch)
    return Dataset.from_file(str(path))


def batches_by_size(rows: Iterable[Mapping[str, str | int]]) -> Iterator[list[Mapping[str, str | int]]]:
    """Cut a stream of rows into batches of about BATCH_CHARACTERS of text."""
    batch, size = [], 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str))
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def hold_out(records: Dataset, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Split records into (training, validation) by species; validation gets `fraction` of the species, at least two.

    Whole species are held out, so validation measures species that training does not see. At least two of them have
    two records, if the data hold such species: pairs of one species are no negatives of each other. A record without a
    species counts as a species of its own.

    Raises:
        ValueError: fewer than two species would be left to train on.
    """
    species = species_numbers(label_column(records, "species"))
    count = species.max() + 1
    order, most = np.random.default_rng(seed).permutation(count), max(2, round(fraction * count))
    several = np.flatnonzero(np.bincount(species)[order] > 1)[:2]
    if (several >= most).any():
        order = np.concatenate([order[several], np.delete(order, several)])
    chosen = order[:most]
    if count - len(chosen) < 2:
        raise ValueError(
            f"the data hold {count} species, of which validation takes {len(chosen)}, and training needs two or more: "
            "add records of other species, name records to validate on by --validation_file, or train without any by "
            "--validation_fraction 0"
        )
    held_out = np.isin(species, chosen)
    return records.select(np.flatnonzero(~held_out)), records.select(np.flatnonzero(held_out))
