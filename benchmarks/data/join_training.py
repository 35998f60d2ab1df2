"""Join the training splits of several tables of a marker into one table.

    python benchmarks/data/join_training.py --data 12s_fish.tsv.gz 12s.tsv.gz --output 12s_train.tsv.gz

A record of the split train is kept unless some table holds out its sequence (on either strand), its species
(unseen_val, unseen_test) or its genus (novel_test). So the other splits of every table remain unseen by a model that
is trained on the result. Of records with the same sequence or id the first is kept. Row numbers that stand in for ids
count within their table; row 17 of the second becomes `2_17`.

Each record needs one of the splits of `SPLITS`, or another author's name of one (`readers`): a record of an unknown
split might have to be held out.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.labelled_tables import check_table, write_labelled
from benchmarks.data.readers import SEEN, SPLITS, files_of_source, pin, read_source
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.outputs import check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.sequences import reverse_complement

Record = dict[str, str]

NOVEL = "novel_test"
ROW = re.compile(r"((row|train)_)?[0-9]+")  # stands in for an id


def join_training(tables: Sequence[Sequence[Record]]) -> tuple[list[Record], dict[str, int]]:
    """Keep the training records that no table holds out, table after table.

    Returns:
        The records, and how many training records were left out, by the reason.

    >>> rows = ("train A a AC", "train B b AG", "train C c AT", "val A a AA"), ("unseen_val B b C", "novel_test C d G")
    >>> keys = ("split", "genus", "species", "sequence", "id")
    >>> tables = [[dict(zip(keys, [*row.split(), row], strict=True)) for row in table] for table in rows]
    >>> kept, left_out = join_training(tables)
    >>> [record["sequence"] for record in kept], left_out["of a held-out species or genus"]
    (['AC'], 2)
    """
    others = [record for table in tables for record in table if record["split"] != "train"]
    species = {record["species"] for record in others if record["split"] not in SEEN} - {""}
    genera = {record["genus"] for record in others if record["split"] == NOVEL} - {""}
    held_out = {strand for record in others for strand in strands(record["sequence"])}
    sequences: set[str] = set()
    ids: set[str] = set()
    left_out = Counter({"of a held-out species or genus": 0, "of a held-out sequence": 0, "repeated": 0})
    kept = []
    for number, table in enumerate(tables, 1):
        for record in table:
            name = f"{number}_{record['id']}" if ROW.fullmatch(record["id"]) else record["id"]
            if record["split"] != "train":
                continue
            if record["species"] in species or record["genus"] in genera:
                left_out["of a held-out species or genus"] += 1
            elif record["sequence"] in held_out:
                left_out["of a held-out sequence"] += 1
            elif record["sequence"] in sequences or name in ids:
                left_out["repeated"] += 1
            else:
                sequences.add(record["sequence"])
                ids.add(name)
                kept.append(record | {"id": name})
    return kept, dict(left_out)


def strands(sequence: str) -> tuple[str, str]:
    """Both strands of a sequence."""
    return sequence, reverse_complement(sequence)


def read_table(source: str) -> Iterator[Record]:
    """Stream the records of a source that has splits.

    Raises:
        ValueError: As `read_source`, or a record has no split or one of another name.
    """
    for record in read_source(source):
        if record["split"] not in SPLITS:
            raise ValueError(
                f"{source}: record {record['id']!r} has the split {record['split']!r}, which is none of "
                f"{', '.join(SPLITS)}: rename it, or leave such records out (make_splits.py --keep_splits)"
            )
        yield record


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> None:
    """Read the tables and write the joined one."""
    parser = argparse.ArgumentParser(description="Join the training records of several tables.", allow_abbrev=False)
    parser.add_argument("--data", nargs="+", required=True, help="labelled sources of one marker with splits")
    parser.add_argument("--output", type=Path, required=True, help="the table, .tsv or .tsv.gz")
    args = parsed(parser, arguments)
    try:
        check_table(args.output)
        check_outputs([args.output], [file for source in args.data for file in files_of_source(source)])
        kept, left_out = join_training([list(read_table(pin(source))) for source in args.data])
        if not kept:
            raise ValueError(f"{', '.join(args.data)}: no record of the split train is left; check the column split")
        write_labelled(kept, args.output)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {sentence_of(error)}")
    sys.stderr.write(f"{args.output}: {len(kept):,} records of {len({row['species'] for row in kept}):,} species\n")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items())
    sys.stderr.write(f"training records left out: {reasons}\n")


if __name__ == "__main__":
    main()
