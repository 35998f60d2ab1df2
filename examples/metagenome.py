"""Bin a metagenome with coverage, and judge each bin.

    python examples/metagenome.py CONTIGS.fasta DEPTHS.tsv OUT_FOLDER

DEPTHS.tsv holds the depth of each contig in each sample, from CoverM, jgi_summarize_bam_contig_depths or strobealign
--aemb (`dnacse bin --coverage`). OUT_FOLDER gets the folder `bins` of `dnacse bin`, and bins.tsv: a row for each bin,
with its size, GC content, depth in each sample and consistency, and what deserves a look.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from modeling_dnacse import read_fasta
from modeling_dnacse.cli import main as dnacse
from modeling_dnacse.machine.atomic import whole_text
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.machine.scratch import new_folder
from modeling_dnacse.reading.coverage_tables import read_depths

LEAST_CONSISTENCY = 0.8  # below it, another bin is near, or the bin is mixed at its edge
LEAST_BP = 500_000  # a smaller bin is a small part of a genome


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("contigs", "depths", "folder"):
        parser.add_argument(name, type=Path)
    args, more = parser.parse_known_args(arguments)  # what is left are options of dnacse bin
    bins = args.folder / "bins"
    try:
        check_new_folder(args.folder, [args.contigs, args.depths])
        with new_folder(args.folder):
            dnacse(["bin", str(args.contigs), "-o", str(bins), "--coverage", str(args.depths), *more])
    except (ValueError, OSError) as error:
        parser.error(str(error))

    with (bins / "sizes.tsv").open() as sizes, whole_text(args.folder / "bins.tsv") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows = csv.DictReader(sizes, delimiter="\t")
        for number, row in enumerate(rows):
            records = list(read_fasta(bins / f"{row['bin']}.fasta"))
            lengths = [len(record.sequence) for record in records]
            depths, samples = read_depths([args.depths], [record.id for record in records])
            if not number:
                table.writerow([*row, "gc", *(f"depth_{sample}" for sample in samples), "look"])
            text = "".join(record.sequence for record in records)
            gc = (text.count("G") + text.count("C")) / (len(text) - text.count("N"))
            look = ["mixed"] * (float(row["consistency"]) < LEAST_CONSISTENCY) + ["small"] * (len(text) < LEAST_BP)
            means = np.average(depths, axis=0, weights=lengths)
            table.writerow([*row.values(), f"{gc:.3f}", *(f"{depth:.2f}" for depth in means), ", ".join(look)])
        if not file.tell():  # no bin
            table.writerow([*(rows.fieldnames or []), "gc", "look"])


if __name__ == "__main__":
    main()
