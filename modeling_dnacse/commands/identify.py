"""Name sequences after a labelled library: which species, how sure, and what is new.

    dnacse identify QUERIES.fasta --reference LIBRARY.fasta -o CALLS.tsv --plot CALLS.png

The library names its records in columns (species, genus, family, ...) or in headers: >id species=Apis mellifera
family=Apidae, or as BOLD writes them. Each query is called at the lowest rank whose name has at least the probability
--confidence. The library itself teaches what probable means: its records are looked up without themselves, and without
their whole species, as new species would be; identification.py tells how.

How probable a name is depends on how many of the queries are of species that the library lacks. That is estimated from
the first 4,096 queries, or given as --expected_new. Hold a large library's vectors ready with --reference_vectors:

    dnacse embed LIBRARY.fasta -o LIBRARY.parquet
    dnacse identify QUERIES.fasta --reference LIBRARY.fasta --reference_vectors LIBRARY.parquet -o CALLS.tsv

The table has a line a query, in their order: id; call, its rank and its probability; the probability that the library
lacks the species; at each rank the nearest name and its probability; the nearest reference and its similarity
(cosine); the nearest other species and its similarity; a note. Empty: there is none, or the library cannot tell.
Memory: the vectors and names of the library, whatever the number of queries.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from itertools import islice, tee
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from ..embedding.embed import embed_blocks
from ..identification.calls import (
    Lessons,
    Library,
    calibrate,
    estimate_new,
    find,
    learn,
    make_library,
    name_queries,
    nearest_of,
    unit,
)
from ..identification.library import embed_references, load_vectors, read_references
from ..machine.atomic import check_writable, written_whole
from ..reading.labels import read_labelled
from ..reading.sequences import AlphabetCounts
from .identify_pictures import Tally, draw_calls
from .identify_table import table_columns, table_rows
from .options import (
    add_embedding_arguments,
    add_model_arguments,
    check_device,
    embedding_options,
    load_from_options,
)
from .pictures import check_plot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("input", type=Path, help="queries: FASTA, FASTQ, CSV or TSV, plain or .gz, or parquet")
    add("--reference", type=Path, required=True, help="the labelled library, a file of the same kinds")
    add("--reference_vectors", type=Path, help="its vectors, from dnacse embed with the same model and options")
    add("-o", "--output", type=Path, required=True, help="table, tab-separated")
    add("--plot", type=Path, metavar="FILE", help="picture of what was called and how near it is: .png, .svg or .pdf")
    add("--confidence", type=float, default=0.95, help="probability that a call has to have; default: %(default)s")
    add(
        "--expected_new",
        type=float,
        metavar="SHARE",
        help="share of the queries whose species the library lacks; default: estimated from them",
    )
    add_model_arguments(parser)
    add_embedding_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Check everything, learn from the library, name the queries, and put the outputs in place."""
    for option, value in (("--confidence", args.confidence), ("--expected_new", args.expected_new)):
        if value is not None and not 0 < value < 1:
            raise ValueError(f"{option} is {value}; it must be between 0 and 1, such as 0.95")
    check_device(args.device)
    check_writable(args.output, args.plot)
    check_plot(args.plot)
    for path in (args.input, args.reference):
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is no regular file, and it is read twice; write it to a file first")
    counts = AlphabetCounts()
    for _ in read_labelled(args.input, counts=counts):
        pass
    references = read_references(args.reference)
    model, tokenizer = load_from_options(args)
    options = embedding_options(args)
    if args.reference_vectors:
        vectors = load_vectors(args.reference_vectors, args.reference, references.ids, model, tokenizer, options)
    else:
        vectors = embed_references(args.reference, len(references.ids), model, tokenizer, options)
    library = make_library(vectors, references.labels, args.device)
    del vectors
    lessons = learn(library)
    sys.stderr.write(f"{args.reference}: {describe(library, lessons)}\n")

    tally = Tally(tuple(library.names))
    with written_whole(args.output) as hidden, hidden.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(table_columns(library))
        calibration, expected_new = None, args.expected_new
        with tqdm(total=counts.records, unit="seq", desc="queries") as bar:
            for ids, block in query_blocks(args.input, model, tokenizer, options, bar):
                matches = find(library, unit(block))
                if calibration is None:
                    expected_new = expected_new or estimate_new(lessons, matches)
                    calibration = calibrate(lessons, expected_new)
                calls = name_queries(library, calibration, matches, args.confidence)
                tally.add(nearest_of(matches)[1], calls, args.confidence)
                table.writerows(table_rows(ids, references.ids, library, lessons, matches, calls, args.confidence))
        if args.plot and calibration is not None:
            draw_calls(args.plot, tally, lessons, calibration)
    sys.stderr.write(f"{args.output}: {tally.summary()}\n")
    if lessons.new is not None:
        origin = "estimated" if args.expected_new is None else "given"
        sys.stderr.write(f"share of species that the library lacks: {expected_new:.3f} ({origin})\n")


def query_blocks(
    path: Path, model: Any, tokenizer: PreTrainedTokenizerBase, options: dict[str, Any], bar: tqdm
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Ids and vectors of the queries, a window at a time."""
    records, again = tee(read_labelled(path))  # the two stay within one window of each other
    sequences = (record["sequence"] for record in records)
    for block in embed_blocks(model, tokenizer, sequences, report=bar.update, **options):
        yield [record["id"] for record in islice(again, len(block))], block


def describe(library: Library, lessons: Lessons) -> str:
    """Say what the library holds and what it cannot tell."""
    held = f"{len(library.vectors):,} references of {len(library.names['species']):,} species"
    untold = [rank for rank, lesson in zip(library.names, lessons.right, strict=True) if lesson is None]
    if lessons.new is None:
        untold.append("new species")
    else:
        known, absent = (f"{len(scores):,}" for scores in lessons.new.scores)
        held += f", {known} looked up without themselves, {absent} without their species"
    if not untold:
        return held
    return (
        f"{held}; it cannot tell the probability of: {', '.join(untold)}. That takes two names when a species is left "
        "out, for species and new species also a species of two records; those columns stay empty"
    )
