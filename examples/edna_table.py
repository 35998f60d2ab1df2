"""Name the ASVs of an eDNA study and sum their counts by taxon.

    python examples/edna_table.py ASVS.fasta COUNTS.tsv LIBRARY.fasta OUT_FOLDER

COUNTS.tsv has a row for each ASV, whose first column is its id, and a column for each sample, as DADA2, QIIME 2 and
vsearch export it. OUT_FOLDER gets calls.tsv (what `dnacse identify` says of each ASV) and taxa.tsv: a row for each
taxon that was called, with its rank, its number of ASVs, the mean probability of its calls and its counts in each
sample. The last two rows are ASVs that are likely of species that the library lacks, whatever their call, and ASVs
without a call. taxa.png (with matplotlib) shows who is in which sample, how sure that is, and what is new.
"""

import argparse
import csv
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

from modeling_dnacse import read_labelled
from modeling_dnacse.cli import main as dnacse
from modeling_dnacse.machine.atomic import whole_text
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.machine.pictures import no_formula, save_picture
from modeling_dnacse.machine.scratch import new_folder
from modeling_dnacse.reading.abundances import read_abundances

NEW, UNNAMED = "(likely new species)", "(no call)"
LIKELY_NEW = "likely a species that the library lacks"  # a note of dnacse identify
MOST_TAXA = 25  # in the picture
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("asvs", "counts", "library", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--precision", default="0.95", help="of the calls; default: %(default)s")
    args = parser.parse_args(arguments)
    calls = args.folder / "calls.tsv"
    command = ["identify", str(args.asvs), "--reference", str(args.library), "-o", str(calls)]
    try:
        check_new_folder(args.folder, [args.asvs, args.counts, args.library])
        samples, counts = read_abundances(args.counts)  # ASV -> position of a sample -> its count, if it is not 0
        asvs = [record["id"] for record in read_labelled(args.asvs)]
        if lacking := [name for name in asvs if name not in counts]:
            parser.error(f"{args.counts} has no row for {lacking[0]}; it must have one for each ASV")
        if others := counts.keys() - set(asvs):
            sys.stderr.write(
                f"{args.counts}: {len(others):,} rows belong to no ASV, such as {min(others)}; left out\n"
            )
        with new_folder(args.folder):
            dnacse([*command, "--precision", args.precision])
    except (ValueError, OSError) as error:
        parser.error(str(error))

    totals: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * (2 + len(samples)))
    with calls.open(encoding="utf-8", newline="") as file:
        for call in csv.DictReader(file, delimiter="\t"):
            numbers = [counts[call["id"]].get(sample, 0) for sample in range(len(samples))]
            named = (call["rank"], call["call"]) if call["call"] else ("", UNNAMED)
            taxa = {named: float(call["probability"] or 0)}
            if LIKELY_NEW in call["note"]:
                taxa["", NEW] = float(call["new_species_probability"])
            for taxon, sure in taxa.items():
                totals[taxon] = [a + b for a, b in zip(totals[taxon], [1, sure, *numbers], strict=True)]
    rows = [
        (taxon, rank, int(asvs), sure / asvs, sums)
        for (rank, taxon), (asvs, sure, *sums) in sorted(totals.items(), key=lambda item: order(*item))
    ]
    with whole_text(args.folder / "taxa.tsv") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["taxon", "rank", "asvs", "mean_probability", *samples])
        for taxon, rank, asvs, sure, sums in rows:
            table.writerow([taxon, rank, asvs, f"{sure:.4f}" if sure else "", *(f"{number:.15g}" for number in sums)])
    if find_spec("matplotlib"):
        draw(args.folder / "taxa.png", samples, rows)


def order(taxon: tuple[str, str], sums: list[float]) -> tuple[bool, bool, float]:
    """What sorts taxa: the most abundant first, then what is new, then what has no name."""
    return not taxon[0], taxon[1] == UNNAMED, -sum(sums[2:])


def draw(path: Path, samples: list[str], rows: list[tuple[str, str, int, float, list[float]]]) -> None:
    """Draw a circle for each taxon in each sample, whose area is its share of the sample."""
    from matplotlib.figure import Figure

    named, others = [row for row in rows if row[1]], [row for row in rows if not row[1]]
    shown = named[:MOST_TAXA] + others
    totals = [sum(row[4][number] for row in rows if row[0] != NEW) or 1 for number in range(len(samples))]
    figure = Figure(figsize=(6.5 + 0.6 * len(samples), 1.8 + 0.32 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for line, (taxon, rank, _, sure, counts) in enumerate(shown):
        colour = ORANGE if taxon == NEW else BLUE if rank else GREY
        there = [(number, count / totals[number]) for number, count in enumerate(counts) if count]
        areas = [20 + 500 * share for _, share in there]
        axes.scatter([number for number, _ in there], [line] * len(there), areas, color=colour, alpha=0.85)
        text = f"{sure:.2f}" if sure else "–"
        axes.text(len(samples) - 0.3, line, text, va="center", ha="left", backgroundcolor="white")
    axes.text(len(samples) - 0.3, -1, "probability", va="center", ha="left", fontsize=9)
    names = [f"{taxon} ({rank})" if rank not in ("", "species") else taxon for taxon, rank, *_ in shown]
    axes.set_yticks(range(len(shown)), [no_formula(name) for name in names])
    axes.set_xticks(
        range(len(samples)), [no_formula(name) for name in samples], rotation=45 if len(samples) > 8 else 0
    )
    axes.set(xlim=(-0.6, len(samples) + 0.5), ylim=(len(shown) - 0.4, -1.6))
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.grid(axis="y", color="#E5E5E5")
    axes.set_axisbelow(True)
    more = f", {len(named) - MOST_TAXA:,} rarer taxa left out" if len(named) > MOST_TAXA else ""
    largest = max(count / totals[number] for row in shown for number, count in enumerate(row[4]))
    axes.set_title(f"Share of reads by taxon and sample; the largest circle is {largest:.0%}{more}", loc="left")
    save_picture(figure, path)


if __name__ == "__main__":
    main()
