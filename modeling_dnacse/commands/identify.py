"""Identify sequences with a labelled library: the name of each, its probability, and which species are new.

    dnacse identify QUERIES.fasta --reference LIBRARY.fasta -o CALLS.tsv --plot CALLS.png

The library names its records in the columns of a table (species, genus, family, ...) or in FASTA headers. A header is
written as >id species=Apis mellifera family=Apidae, or in the style of BOLD, UNITE, SINTAX, MIDORI2, SILVA, GTDB, PR2,
RDP, DADA2, OBITools, GenBank or others. The style is recognised; docs/formats.md lists all of them. Placeholders such
as "unidentified" and names such as "Apis sp. X1" do not count as species. An index of a library opens at once, and may
be on the Hub:

    dnacse index LIBRARY.fasta -o INDEX
    dnacse identify QUERIES.fasta --reference INDEX -o CALLS.tsv

A model with sites, such as the shipped one for COI, compares two sequences over the sites that both cover. So
fragments and whole barcodes can be mixed. The name at each rank is the one that most near references have. A sequence
that does not look like the marker gets no name. Libraries of another marker are compared by vectors, and so are all
libraries if the model has no sites; then the name is that of the nearest reference.

Each query is called at the lowest rank whose name is probable enough. --precision is the share of the calls at a rank
that should be right: of 100 species names, 95. As many names are called as this allows, by their probabilities, but
none below 0.8 unless --precision is lower. --confidence instead is the least probability of each call. If references
of several species are equally near, the call is at their lowest common ancestor or above it.

Probabilities are calibrated on the library. Its records are cut to the part of the marker that the queries cover, and
looked up as if they were queries: first without themselves, then without all records of their species, of their genus
and so on, as if these were new. The probabilities also depend on how many queries are of new species, genera and so
on. These shares, and the least probability of a call, are estimated from the first 4,096 queries; --expected_new sets
the share of new species.

The table has one line for each query, in the order of the queries. Its columns are: the id; the call, its rank and its
probability; the probability that the library lacks the species; the name at each rank and its probability; the
nearest reference with one of these names, its similarity, the share of shared sites with equal bases, and the number
of shared sites; the nearest other species and its similarity; a note. A cell is empty if there is no name, or if the
library is too small to estimate the probability. --top 5 writes a second table of the nearest references, with all
columns of the library. --format writes for QIIME2, DADA2, BIOM and other programs; docs/identify.md shows each format.
The library is held in memory, the queries are not.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from ..loading.model_folders import check_model
from ..machine.atomic import all_or_none, whole_text
from ..machine.earlier_outputs import check_replaced
from ..machine.outputs import check_outputs, check_uncompressed
from ..machine.stamps import unchanged
from ..machine.streams import is_stream
from ..reading.label_policy import RANK_ORDER
from ..vectors.formats import check_parts, files_beside
from .drawing.pictures import check_plot
from .identify_options import FORMATS, HITS, WITH_COUNTS, add_arguments
from .options import (
    check_device,
    embed_options,
    find_device,
    load_from_options,
)

if TYPE_CHECKING:
    from ..identification.call_blocks import NamedBlock
    from ..identification.call_rules import CallRule
    from ..identification.formats import Layout
    from ..identification.identifier import Identifier
    from ..identification.queries import Query, QueryFiles
    from ..identification.references import LibraryFile
    from ..reading.abundances import Abundances
    from .identify_tally import Tally

__all__ = ["add_arguments", "check", "run"]
TOP = 5  # hits of each query, if only --hits is given


class FirstReading(NamedTuple):
    """The options, and what a first reading of the files found."""

    queries: "QueryFiles"
    library: "LibraryFile | Path"  # a file, or the folder of an index
    rule: "CallRule"
    counts: "Abundances | None"
    hits: Path | None  # file of the table of hits


def check(args: argparse.Namespace) -> FirstReading:
    """Check options, outputs and the model's files, and read the queries and the library once."""
    from ..identification.call_rules import call_rule, check_probability, parse_by_rank
    from ..identification.queries import QueryFiles
    from ..reading.abundances import read_abundances
    from ..reading.primers import parse_primers

    given = {"precision": args.precision, "confidence": args.confidence}
    rule = call_rule(**{name: parse_by_rank(f"--{name}", text) for name, text in given.items() if text is not None})
    if args.expected_new is not None:
        check_probability("--expected_new", args.expected_new)
    primers = None if args.trim_primers is None else parse_primers(args.trim_primers)
    if args.counts is not None and args.format not in WITH_COUNTS and not args.plot:
        raise ValueError(
            f"--counts has no effect with --format {args.format}, which has no place for them; leave it out, or write "
            f"{' or '.join(WITH_COUNTS)}"
        )
    hits = place_of_hits(args)
    beside = files_beside(args.reference_vectors) if args.reference_vectors else []
    inputs = [*args.input, args.reference, args.taxonomy, args.reference_vectors, args.model, args.counts, *beside]
    check_outputs((args.output, hits, args.plot), inputs)
    check_uncompressed((args.output, hits))
    check_replaced(args.output, FORMATS[args.format], f"a file of {args.format} calls", args.force)
    check_replaced(hits, HITS, "a table of hits", args.force)
    check_plot(args.plot, args.force)
    check_model(args.model)
    check_device(args.device)
    if args.reference_vectors:
        check_parts(args.reference_vectors)
    if args.reference_vectors and not args.reference_vectors.exists():
        raise ValueError(f"{args.reference_vectors}: No such file or directory; give vectors of dnacse embed")
    queries = QueryFiles(args.input, primers)
    queries.check()
    counts = None
    if args.counts is not None:
        counts = read_abundances(args.counts)
        queries.check_abundances(counts, args.counts)
    elif args.format == "biom" and not queries.has_sizes:
        raise ValueError(
            "--format biom needs counts: ;size=N behind the ids of the queries, or --counts TABLE with a column of "
            "ids and one for each sample"
        )
    library = read_library(args)
    if not isinstance(library, Path):
        rule.at(tuple(library.references.labels))
    return FirstReading(queries, library, rule, counts, hits)


def place_of_hits(args: argparse.Namespace) -> Path | None:
    """The file of the table of hits: --hits, or one beside the output; None: there is no such table."""
    if args.top is not None and not 1 <= args.top <= 12:
        raise ValueError(f"--top is {args.top}; it must be from 1 to 12")
    if args.hits is not None or args.top is None:
        return args.hits
    if is_stream(args.output):
        raise ValueError("--top writes a second table; name its file: --hits FILE")
    return args.output.with_name(f"{args.output.stem}.hits.tsv")


def read_library(args: argparse.Namespace) -> "LibraryFile | Path":
    """Read the library, or find the folder of an index, locally or on the Hub."""
    from ..identification.indexes.index_files import hub_index, is_on_hub, read_description
    from ..identification.references import read_references

    place, on_hub = Path(args.reference), is_on_hub(args.reference)
    if args.revision is not None and not on_hub:
        raise ValueError(f"--revision is of an index on the Hub, but {place} is a local file or folder; leave it out")
    if not on_hub and not place.is_dir():
        return read_references(place, args.taxonomy)
    if given := [name for name in ("taxonomy", "reference_vectors") if getattr(args, name) is not None]:
        raise ValueError(f"--{given[0]} belongs to a library in a file; {place} is an index, so leave it out")
    folder = hub_index(args.reference, args.revision) if on_hub else place
    read_description(folder)
    return folder


def run(args: argparse.Namespace, first: FirstReading) -> None:
    """Identify the queries, put the outputs in place, and say what they hold."""
    with all_or_none(), unchanged([first.library] if isinstance(first.library, Path) else []):  # an index is mapped
        tally = write_calls(args, first)
    for line in (f"{args.output}: {tally.summary()}", *tally.report(args.expected_new)):
        sys.stderr.write(line + "\n")


def write_calls(args: argparse.Namespace, first: FirstReading) -> "Tally":
    """Identify the queries, and write the outputs; return the counts."""
    from ..identification.call_table import call_columns
    from ..identification.formats import FORMATS as WRITERS
    from ..machine.progress import progress_bar
    from .drawing.identify_pictures import draw_calls
    from .identify_tally import Tally

    columns = first.counts.samples if first.counts is not None and args.format == "tsv" else []
    if twice := set(columns) & set(call_columns(RANK_ORDER)):
        raise ValueError(f"{args.counts}: the sample {min(twice)!r} has the name of a column of calls; rename it")
    identifier = open_identifier(args, first)
    ranks = tuple(identifier.library.names)
    first.rule.at(ranks)
    amounts_of, samples, unit = amounts_in_samples(first)
    tally = Tally(ranks, samples, unit)
    with ExitStack() as stack:
        calls_file = stack.enter_context(whole_text(args.output))
        hits_file = None if first.hits is None else stack.enter_context(whole_text(first.hits))
        bar = stack.enter_context(progress_bar(first.queries.count, "queries"))
        blocks = identifier.calls(
            first.queries.read(),
            rule=first.rule,
            expected_new=args.expected_new,
            top=0 if hits_file is None else args.top or TOP,
            report=bar.update,
            say=lambda line: bar.write(f"{args.reference}: {line}", file=sys.stderr),
        )
        blocks = counted(blocks, tally, amounts_of if args.plot else None)
        if hits_file is not None:
            blocks = with_hits(blocks, identifier.hit_columns(), hits_file)
        WRITERS[args.format](
            (call for block in blocks for call in block.calls), layout_of(ranks, first, args.format), calls_file
        )
        if args.plot:
            assert tally.last is not None
            draw_calls(args.plot, tally, tally.last.data, tally.last.calibration)
    return tally


def counted(
    blocks: "Iterable[NamedBlock]", tally: "Tally", amounts_of: "Callable[[Query], Mapping[int, float]] | None"
) -> "Iterator[NamedBlock]":
    """Count the blocks that pass."""
    for block in blocks:
        tally.add(block, amounts_of)
        yield block


def with_hits(blocks: "Iterable[NamedBlock]", columns: Sequence[str], file: TextIO) -> "Iterator[NamedBlock]":
    """Write the table of hits of the blocks that pass."""
    from ..identification.call_table import cell_text

    table = csv.writer(file, delimiter="\t", lineterminator="\n")
    table.writerow(columns)
    for block in blocks:
        for call in block.calls:
            table.writerows([cell_text(cell) for cell in hit.values()] for hit in call.hits)
        yield block


def open_identifier(args: argparse.Namespace, first: FirstReading) -> "Identifier":
    """Load the model, and encode the library or open the index."""
    from ..identification.encoding import make_encoder
    from ..identification.identifier import Identifier, model_for
    from ..identification.indexes.index import read_index

    device = find_device(args.device)
    options = embed_options(args, device)
    if isinstance(first.library, Path):
        index = read_index(first.library)
        args.model = args.model or index.shipped_model()
        return Identifier.from_stored(args.model, make_encoder(*load_from_options(args, device), options), index)
    args.model = model_for(args.model, first.library)
    encoder = make_encoder(*load_from_options(args, device), options)
    return Identifier.from_library(args.model, encoder, first.library, args.reference_vectors)


def amounts_in_samples(first: FirstReading) -> "tuple[Callable[[Query], Mapping[int, float]], Sequence[str], str]":
    """A function from a query to its amounts by position of the sample; the samples; and the unit of the amounts.

    Samples are the columns of --counts, or else the files.
    """
    counts, queries = first.counts, first.queries
    if counts is not None:
        return (lambda query: counts.of.get(query.id, {})), counts.samples, "reads"
    place = {sample: number for number, sample in enumerate(queries.samples)}
    unit = "reads" if queries.has_sizes else "queries"
    return (lambda query: {place[query.sample]: query.size}), queries.samples, unit


def layout_of(ranks: tuple[str, ...], first: FirstReading, form: str) -> "Layout":
    """What the rows of the output have in common; for BIOM without --counts, abundances in headers are the counts."""
    from ..identification.formats import Layout

    if first.counts is None and form != "biom":
        return Layout(ranks, (), lambda query: {})
    amounts, samples, _ = amounts_in_samples(first)
    return Layout(ranks, samples, amounts)
