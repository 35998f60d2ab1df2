"""A labelled table in, the same without its test splits and without what no stage reads out.

python device/table.py coi.tsv.gz .device/records.tsv.gz
"""

import csv
import gzip
import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_dnacse.reading.labels import read_labelled

TAKEN = ("train", "val", "unseen_val")
COLUMNS = ("id", "sequence", "species", "genus", "family", "order", "split")


def main(source: str, target: str) -> None:
    """Write the records of the splits TAKEN.

    Raises:
        SystemExit: the table has none of one of them.
    """
    found = dict.fromkeys(TAKEN, 0)
    with gzip.open(target, "wt", newline="", encoding="utf-8", compresslevel=9) as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for record in read_labelled(source):
            if record["split"] in found:
                found[record["split"]] += 1
                writer.writerow([record[column] for column in COLUMNS])
    if lacking := [split for split, count in found.items() if not count]:
        Path(target).unlink()
        sys.exit(f"table.py: {source} has no record of the split {', '.join(lacking)}; give labelled data with splits")


if __name__ == "__main__":
    main(*sys.argv[1:])
