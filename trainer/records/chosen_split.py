"""Labelled records of training files: of the split that is chosen, or of files without splits."""

from collections.abc import Iterable, Iterator

from modeling_dnacse.reading.labels import read_labelled
from modeling_dnacse.reading.sequences import AlphabetCounts


def read_training(
    files: Iterable[str], split: str | None, counts: AlphabetCounts | None = None
) -> Iterator[dict[str, str]]:
    """Stream the records of files as `read_labelled` gives them.

    Raises:
        ValueError: as there; or, after the last record, no split was chosen and the files have some.
    """
    splits: set[str] = set()
    for file in files:
        for row in read_labelled(file, split=split, counts=counts):
            splits.add(row["split"])
            yield row
    if split is None:
        refuse_splits(splits, "training", "--train_split")


def refuse_splits(splits: Iterable[str], purpose: str, option: str) -> None:
    """Check that records among which no split was chosen have no splits, or test records would be learnt from.

    Raises:
        ValueError: they have some.
    """
    if there := ", ".join(sorted(set(splits) - {""})):
        raise ValueError(f"the {purpose} data have the splits {there}: say which to take with {option}")
