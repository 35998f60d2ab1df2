"""Join the training splits of several tables of a marker into one table.

    python benchmarks/data/join_training.py --data 12s_fish.tsv.gz 12s.tsv.gz --output 12s_train.tsv.gz

A record of the split train is kept unless some table holds out its sequence, its species (unseen_val, unseen_test) or
its genus (novel_test). So the other splits of every table remain unseen by a model that is trained on the result. Of
records with the same sequence or id the first is kept.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.labelled_tables import write_labelled
from modeling_dnacse.commands.options import parsed
from modeling_dnacse.machine.outputs import check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.labels import read_labelled

Record = Mapping[str, str]

SEEN = ("train", "val", "test")  # splits of the same species
NOVEL = "novel_test"


def join_training(tables: Sequence[Sequence[Record]]) -> list[Record]:
    """The training records that no table holds out, table after table.

    >>> rows = ("train A a AC", "train B b AG", "train C c AT", "val A a AA"), ("unseen_val B b C", "novel_test C d G")
    >>> keys = ("split", "genus", "species", "sequence", "id")
    >>> tables = [[dict(zip(keys, [*row.split(), row], strict=True)) for row in table] for table in rows]
    >>> [record["sequence"] for record in join_training(tables)]
    ['AC']
    """
    others = [record for table in tables for record in table if record["split"] != "train"]
    species = {record["species"] for record in others if record["split"] not in SEEN} - {""}
    genera = {record["genus"] for record in others if record["split"] == NOVEL} - {""}
    sequences, ids = {record["sequence"] for record in others}, set()
    kept = []
    for table in tables:
        for record in table:
            if record["split"] != "train" or record["species"] in species or record["genus"] in genera:
                continue
            if record["sequence"] not in sequences and record["id"] not in ids:
                sequences.add(record["sequence"])
                ids.add(record["id"])
                kept.append(record)
    return kept


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> None:
    """Read the tables and write the joined one."""
    parser = argparse.ArgumentParser(description="Join the training records of several tables.", allow_abbrev=False)
    parser.add_argument("--data", nargs="+", required=True, help="tables of one marker with a column split")
    parser.add_argument("--output", type=Path, required=True, help="the table, .tsv or .tsv.gz")
    args = parsed(parser, arguments)
    try:
        if args.output.exists():
            raise ValueError(f"{args.output} is there already; give another --output or remove it")
        check_outputs([args.output], args.data)
        kept = join_training([list(read_labelled(name)) for name in args.data])
        if not kept:
            raise ValueError(f"{', '.join(args.data)}: no record of the split train is left; check the column split")
        write_labelled(kept, args.output)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {sentence_of(error)}")
    sys.stderr.write(f"{args.output}: {len(kept):,} records of {len({row['species'] for row in kept}):,} species\n")


if __name__ == "__main__":
    main()
