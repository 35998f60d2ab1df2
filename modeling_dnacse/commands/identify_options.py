"""The options of `dnacse identify`, and its output formats with what recognises an earlier output of each."""

import argparse
from pathlib import Path

from ..machine.earlier_outputs import has_lines, holds_near_start
from .drawing.pictures import add_dark_argument
from .options import add_embedding_arguments, add_force_argument, add_model_arguments

NAMES = r"([dkpcofgs]:[^\t]*\(\d\.\d{4}\))?"  # a lineage of SINTAX, with probabilities
FORMATS = {  # a format of identification/formats.py -> recognises an earlier output
    "tsv": holds_near_start(b"id\tcall\trank\tprobability\tnew_species_probability\t"),
    "qiime2": has_lines("Feature ID\tTaxon\tConfidence", r"[^\t]+\t[^\t]+\t\d\.\d{4}"),
    "sintax": has_lines(*[rf"[^\t]+\t{NAMES}\t[+-]?\t[^\t]*"] * 2),
    "dada2": has_lines(r"(\t[A-Z][a-z]+)*\tSpecies", r"[^\t]+(\t[^\t]+)+"),
    "biom": holds_near_start(b"{", b'"generated_by": "dnacse identify"'),
    "json": has_lines(r"\[", r'\{"id": ".*", "call": .*, "new_species_probability": .*\},?|\]'),
}
WITH_COUNTS = ("tsv", "biom", "json")  # formats that hold the counts of samples
HITS = holds_near_start(b"id\thit\treference\tsimilarity\tidentity\toverlap")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add(
        "input",
        type=Path,
        nargs="+",
        help="queries: FASTA, FASTQ, CSV, TSV, .qza or parquet, plain or compressed; - reads standard input",
    )
    add(
        "--reference",
        required=True,
        help="labelled library in one of these formats, or an index of one: a folder, or OWNER/NAME on the Hub",
    )
    add("--revision", help="branch, tag or commit of an index on the Hub; default: the newest")
    add(
        "--taxonomy",
        type=Path,
        metavar="FILE",
        help="names of the library's records, if the library has none: TSV or .qza of QIIME2, a table with a column "
        "for each rank, or COInr",
    )
    add(
        "--reference_vectors",
        type=Path,
        help="vectors of the library as it is, made by dnacse embed with the same model and options",
    )
    add("-o", "--output", type=Path, required=True, help="file to write")
    add("--format", choices=FORMATS, default="tsv", help="format of the output; default: %(default)s, a table")
    add(
        "--top",
        type=int,
        metavar="N",
        help="also write the N nearest references of each query (at most 12) to the table --hits",
    )
    add(
        "--hits",
        type=Path,
        metavar="FILE",
        help="table of nearest references; default with --top: CALLS.hits.tsv beside CALLS.tsv",
    )
    add(
        "--counts",
        type=Path,
        metavar="FILE",
        help="counts of the queries in samples: a table with a column of ids and a column for each sample; it may be "
        "the file of the queries",
    )
    add(
        "--trim_primers",
        nargs="+",
        metavar="PRIMER",
        help="remove a forward and a reverse primer from the queries: two sequences or names, such as mlCOIintF "
        "jgHCO2198, or the name of a pair, such as MiFish-U",
    )
    add(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw the taxa in each sample, how probable they are, and what is new: .png, .svg or .pdf",
    )
    add_dark_argument(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--precision",
        help="share of the calls at a rank that should be right, for all ranks or by rank (species=0.95,genus=0.8); "
        "default: 0.95",
    )
    either.add_argument("--confidence", help="instead, least probability of each call, likewise")
    add(
        "--expected_new",
        type=float,
        metavar="SHARE",
        help="share of queries whose species the library lacks; default: estimated from the queries",
    )
    add_model_arguments(parser, None)
    add_embedding_arguments(parser)
    add_force_argument(parser)
