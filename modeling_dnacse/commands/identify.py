"""Name sequences by a labelled library: which species each one is, how sure that is, and which species are new.

    dnacse identify QUERIES.fasta --reference LIBRARY.fasta -o CALLS.tsv --plot CALLS.png

The library names its records in the columns of a table (species, genus, family, ...) or in FASTA headers, written as
>id species=Apis mellifera family=Apidae or in the style of BOLD, UNITE, SINTAX, MIDORI2, SILVA, GTDB, PR2, RDP, DADA2,
OBITools, GenBank and others, which is recognised. docs/formats.md lists all. Placeholders such as "unidentified" and
names such as "Apis sp. X1" are no species.

A model of a marker, such as the shipped one of COI, compares sequences over the sites that both cover, so pieces and
whole barcodes can be mixed. What does not look like the marker gets no name. A library of another marker, and a model
without sites, is compared by vectors.

A query is called at the lowest rank whose name has at least the probability --confidence. The probabilities are
calibrated on the library: its records, cut to where the queries lie, are looked up without themselves, and once more
without all records of their species, genus and so on, as new species and genera would be.

They also depend on the shares of queries whose species, genus and so on the library lacks. These are estimated from
the first 4,096 queries; --expected_new gives the share of new species. The vectors of a large library can be made
once, and used with --reference_vectors:

    dnacse embed LIBRARY.fasta -o LIBRARY.parquet
    dnacse identify QUERIES.fasta --reference LIBRARY.fasta --reference_vectors LIBRARY.parquet -o CALLS.tsv

The table has one line for each query, in the order of the queries: id; the call, its rank and its probability; the
probability that the library lacks the species; at each rank the nearest name and its probability; the nearest
reference, its similarity, and the share of equal bases among those that both sequences cover, and their number; the
nearest other species and its similarity; a note. A cell is empty where there is no name, or where the library cannot
tell. Memory holds the library, but not the queries.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from itertools import islice, tee
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..loading.model_folders import check_model
from ..machine.outputs import check_outputs, check_replaced
from ..vectors.formats import files_beside
from .options import (
    add_embedding_arguments,
    add_force_argument,
    add_model_arguments,
    check_device,
    embed_options,
    find_device,
    load_from_options,
)
from .pictures import check_plot

if TYPE_CHECKING:
    from tqdm.auto import tqdm

    from ..identification.calibration import CalibrationData
    from ..identification.encoding import Encoded, Encoder
    from ..identification.library import Library
    from ..identification.references import References
    from ..reading.rereading import RecordFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add(
        "input",
        type=Path,
        help="queries: FASTA, FASTQ, CSV, TSV, .qza or parquet, also compressed; - is standard input",
    )
    add("--reference", type=Path, required=True, help="labelled library, in one of the same formats")
    add(
        "--taxonomy",
        type=Path,
        metavar="FILE",
        help="names of the library's records, if it has none: TSV or .qza of QIIME2, a table with ranks, COInr",
    )
    add(
        "--reference_vectors",
        type=Path,
        help="its vectors, made by dnacse embed with the same model and options",
    )
    add("-o", "--output", type=Path, required=True, help="table to write, tab-separated")
    add(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw how near the queries are and their calls: .png, .svg or .pdf",
    )
    add("--confidence", type=float, default=0.95, help="least probability of a call; default: %(default)s")
    add(
        "--expected_new",
        type=float,
        metavar="SHARE",
        help="share of queries whose species the library lacks; default: estimated from the queries",
    )
    add_model_arguments(parser)
    add_embedding_arguments(parser)
    add_force_argument(parser)


class FirstReading(NamedTuple):
    """The queries, how many there are, and the library, after a first reading of both files."""

    queries: "RecordFile"
    count: int
    references: "References"


def check(args: argparse.Namespace) -> FirstReading:
    """Check options, outputs and the model's files, and read the queries and the library once."""
    from ..identification.references import read_references
    from ..reading.rereading import RecordFile
    from ..reading.sequences import AlphabetCounts

    for option, value in (("--confidence", args.confidence), ("--expected_new", args.expected_new)):
        if value is not None and not 0 < value < 1:
            raise ValueError(f"{option} is {value}; it must be between 0 and 1, such as 0.95")
    inputs = [args.input, args.reference, args.taxonomy, args.reference_vectors, args.model]
    beside = files_beside(args.reference_vectors) if args.reference_vectors else []
    check_outputs((args.output, args.plot), inputs + beside)
    check_replaced(args.output, b"id\t", "a table of calls", args.force)
    check_plot(args.plot, args.force)
    check_model(args.model)
    check_device(args.device)
    if args.reference_vectors and not args.reference_vectors.exists():
        raise ValueError(f"{args.reference_vectors}: No such file or directory; give vectors of dnacse embed")
    queries, counts = RecordFile(args.input), AlphabetCounts()
    for _ in queries.read(counts):
        pass
    sys.stderr.write(f"{args.input}: {counts.summary()}\n")
    return FirstReading(queries, counts.records, read_references(args.reference, args.taxonomy))


def run(args: argparse.Namespace, first: FirstReading) -> None:
    """Calibrate on the library, name the queries, and put the outputs in place."""
    from tqdm.auto import tqdm

    from ..identification.calibration import collect_calibration, estimate_shares, fit_calibration, with_new_species
    from ..identification.encoding import Encoder
    from ..identification.library import make_library, nearest_references, search
    from ..identification.naming import name_queries
    from ..identification.references import encode_references
    from ..machine.atomic import written_whole
    from .identify_pictures import Tally, draw_calls
    from .identify_table import table_columns, table_rows

    device, references = find_device(args.device), first.references
    options = embed_options(args, device)
    model, tokenizer = load_from_options(args, device)
    encoder = Encoder(model, tokenizer, options)
    encoded = encode_references(references, encoder, args.reference_vectors)
    sites = None if encoded.sites is None else model.sites
    library = make_library(encoded, references.labels, sites=sites, device=device)

    tally = Tally(tuple(library.names))
    data = calibration = None
    with written_whole(args.output) as hidden, hidden.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(table_columns(library))
        with tqdm(total=first.count, unit="seq", desc="queries") as bar:
            for ids, block in query_blocks(first.queries, encoder, sites is not None, bar):
                matches = search(library, block)
                if data is None or calibration is None:
                    data = collect_calibration(library, block)
                    bar.write(f"{args.reference}: {describe_library(library, data)}", file=sys.stderr)
                    shares = estimate_shares(library, data, matches)
                    if args.expected_new is not None:
                        shares = with_new_species(shares, args.expected_new)
                    calibration = fit_calibration(data, shares)
                found = name_queries(library, data, calibration, matches, args.confidence)
                tally.add(nearest_references(matches)[1], found, args.confidence)
                table.writerows(table_rows(ids, references.ids, library, matches, found, args.confidence))
        if args.plot and data is not None and calibration is not None:
            draw_calls(args.plot, tally, data, calibration)
    sys.stderr.write(f"{args.output}: {tally.summary()}\n")
    if data is not None and calibration is not None and data.tells_new_species:
        origin = "estimated" if args.expected_new is None else "given"
        expected_new = calibration.shares[1:].sum()
        sys.stderr.write(f"share of queries whose species the library lacks: {expected_new:.3f} ({origin})\n")


def query_blocks(
    queries: "RecordFile", encoder: "Encoder", by_sites: bool, bar: "tqdm"
) -> "Iterator[tuple[list[str], Encoded]]":
    """Yield ids and encoded sequences of the queries, a block at a time."""

    records, again = tee(queries.read())  # the two stay within two blocks of each other
    sequences = (record.sequence for record in records)
    for block in encoder.blocks(sequences, by_sites, bar.update):
        yield [record.id for record in islice(again, len(block))], block


def describe_library(library: "Library", data: "CalibrationData") -> str:
    """Say what the library holds, and which probabilities cannot be calibrated on it."""
    content = f"{library.codes.shape[1]:,} references of {len(library.names['species']):,} species"
    missing = [rank for number, rank in enumerate(library.names) if not data.tells(number)]
    if data.tells_new_species:
        known = int((data.known_from == 0).sum())
        content += f", {known:,} look-ups with their species, {len(data.known_from) - known:,} without"
    else:
        missing.append("new species")
    if not missing:
        return content
    return (
        f"{content}; it cannot tell the probability of: {', '.join(missing)}. A rank needs two names when a species "
        "is left out; species and new species also need a species with two records. These columns stay empty"
    )
