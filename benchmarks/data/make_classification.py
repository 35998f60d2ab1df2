"""Make a classification data set in the published layouts: any labelled source and a rank in, a folder out.

    python benchmarks/data/make_classification.py --data coi.tsv.gz --rank order --output orders
    python benchmarks/data/make_classification.py --data contigs.tsv.gz --rank genus --output genera \\
        --layout genomic_benchmarks

The classes are the names at one rank. By default training examples come from the split train, those that choose the
epoch from unseen_val, and those that are scored from unseen_test. So all scored species are unseen.

- `gue`: `train.csv`, `dev.csv` and `test.csv` of the columns sequence and label, for the task gue;
- `genomic_benchmarks`: `train/CLASS/*.txt` and `test/CLASS/*.txt`, for the task genomic_benchmarks, which chooses the
  epoch by a part of train: the second split is not used.

A class has at least `FEWEST` training sequences. Each part takes at most `--most` sequences of a class, drawn by the
hash of their ids. Sequences without a class are left out. How many are left out is told.
"""

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.name_hashes import position_of
from benchmarks.data.readers import files_of_source, our_split, pin, read_source
from modeling_dnacse.commands.options import at_least, parsed
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.labels import RANKS

PARTS = ("train", "dev", "test")
SPLITS = ("train", "unseen_val", "unseen_test")
FEWEST = 10  # sequences of a class in train

Example = tuple[str, str]  # sequence, class


def draw_examples(
    records: Iterable[Mapping[str, str]], rank: str, splits: Sequence[str], most: int
) -> tuple[dict[str, list[Example]], dict[str, int]]:
    """Draw the examples of each part.

    Args:
        records: Those of `read_source`.
        rank: One of `RANKS`.
        splits: Which split gives train, dev and test.
        most: Sequences of a class in a part, at most.

    Returns:
        Part -> examples in the order of the records; dev and test hold classes of train only. And how many records
        were left out, by the reason.

    Raises:
        ValueError: Fewer than two classes can be learnt, or nothing is left to choose by or to score.
    """
    part_of = dict(zip(splits, PARTS, strict=True))
    given = list(records)
    inside = [record for record in given if record["split"] in part_of]
    chosen = [record for record in inside if record[rank]]
    drawn: dict[str, list[Example]] = {part: [] for part in PARTS}
    taken: Counter[tuple[str, str]] = Counter()
    order = sorted(range(len(chosen)), key=lambda row: position_of(chosen[row]["id"], "classification"))
    rows = set()
    for row in order:
        place = (part_of[chosen[row]["split"]], chosen[row][rank])
        taken[place] += 1
        if taken[place] <= most:
            rows.add(row)
    learnt = {name for (part, name), count in taken.items() if part == "train" and count >= FEWEST}
    for row in sorted(rows):
        record = chosen[row]
        if record[rank] in learnt:
            drawn[part_of[record["split"]]].append((record["sequence"], record[rank]))
    if len(learnt) < 2 or not all(drawn.values()):
        sizes = ", ".join(f"{len(examples)} in {part}" for part, examples in drawn.items())
        raise ValueError(
            f"got {len(learnt)} classes of {FEWEST} or more sequences at the rank {rank} and {sizes}, but two classes "
            "and a sequence in each part are needed: give another --rank, --splits or source."
        )
    left_out = {
        "in other splits": len(given) - len(inside),
        f"without a name at the rank {rank}": len(inside) - len(chosen),
        "above --most": len(chosen) - len(rows),
        f"of classes below {FEWEST} in train": len(rows) - sum(map(len, drawn.values())),
    }
    return drawn, left_out


def write_gue(drawn: Mapping[str, Sequence[Example]], folder: Path) -> None:
    """Write one CSV file per part."""
    for part, examples in drawn.items():
        with (folder / f"{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("sequence", "label"))
            writer.writerows(examples)


def write_genomic_benchmarks(drawn: Mapping[str, Sequence[Example]], folder: Path) -> None:
    """Write one text file per sequence, in one folder per class, for train and test.

    Raises:
        ValueError: The names of two classes differ only in letters that the name of a folder cannot have.
    """
    classes = {name for part in ("train", "test") for _, name in drawn[part]}
    folders = {name: re.sub(r"[^\w.-]+", "_", name) for name in sorted(classes)}
    if len(set(folders.values())) < len(folders):
        one, other = next(pair for pair in combinations(folders, 2) if folders[pair[0]] == folders[pair[1]])
        raise ValueError(f"the classes {one!r} and {other!r} would share the folder {folders[one]}; rename one")
    for part in ("train", "test"):
        for row, (sequence, name) in enumerate(drawn[part]):
            place = folder / part / folders[name]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{row:06d}.txt").write_text(sequence)


LAYOUTS = {"gue": write_gue, "genomic_benchmarks": write_genomic_benchmarks}


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when arguments or files were wrong."""
    parser = argparse.ArgumentParser(description="Make a classification data set.", allow_abbrev=False)
    parser.add_argument("--data", required=True, help="labelled source, see readers.py")
    parser.add_argument("--rank", required=True, choices=RANKS, help="rank whose names are the classes")
    parser.add_argument("--output", type=Path, required=True, help="a folder that does not exist")
    parser.add_argument("--layout", choices=tuple(LAYOUTS), default="gue")
    parser.add_argument(
        "--splits",
        nargs=3,
        default=["train", "unseen_val", "unseen_test"],
        help="splits for train, dev and test; default: %(default)s",
    )
    parser.add_argument(
        "--most", type=at_least(1), default=100, help="sequences of a class in a part; default: %(default)s"
    )
    options = parsed(parser, arguments)
    try:
        if options.output.exists():
            raise ValueError(f"{options.output} exists; remove it or give another --output.")
        check_new_folder(options.output, files_of_source(options.data))
        names = [our_split(name) for name in options.splits]
        if len(set(names)) < 3 or options.most < FEWEST:
            raise ValueError(f"--splits takes three different names, --most {FEWEST} or more.")
        drawn, left_out = draw_examples(read_source(pin(options.data)), options.rank, names, options.most)
        with written_whole(options.output) as folder:
            folder.mkdir(parents=True)
            LAYOUTS[options.layout](drawn, folder)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"make_classification.py: {sentence_of(error)}\n")
        return 2
    sizes = ", ".join(f"{len(examples)} in {part}" for part, examples in drawn.items())
    sys.stdout.write(f"{len({name for _, name in drawn['train']})} classes; sequences: {sizes}\n")
    sys.stderr.write(f"left out: {', '.join(f'{count} {reason}' for reason, count in left_out.items())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
