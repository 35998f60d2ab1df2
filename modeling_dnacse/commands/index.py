"""Make an index of a labelled library, so that `dnacse identify` opens it at once.

    dnacse index LIBRARY.fasta -o INDEX
    dnacse identify QUERIES.fasta --reference INDEX -o CALLS.tsv

The index is a folder with everything that is computed from a library: its sequences as the model sees them, their
names and metadata, and the calibration of the probabilities. It holds no code. It can be uploaded to the Hub;
`identify` then takes it by its name:

    hf upload USER/LIBRARY INDEX
    dnacse identify QUERIES.fasta --reference USER/LIBRARY --revision COMMIT -o CALLS.tsv

The calibration depends on the part of the marker that the queries cover. The index holds a calibration for sequences
like the library's own; --calibrate_for adds one for amplicons. Other queries can be identified too, after a new
calibration.

    dnacse index LIBRARY.fasta --calibrate_for AMPLICONS.fasta -o INDEX
    dnacse index MORE.fasta --add INDEX -o LARGER

An index belongs to its model and its options: `identify` refuses another --model.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..loading.model_folders import check_model
from ..machine.outputs import check_model_folder
from .options import (
    add_embedding_arguments,
    add_model_arguments,
    check_device,
    embed_options,
    find_device,
    load_from_options,
)

if TYPE_CHECKING:
    from ..identification.queries import QueryFiles
    from ..identification.references import LibraryFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add(
        "input",
        type=Path,
        help="labelled library: FASTA, FASTQ, CSV, TSV, .qza or parquet, plain or compressed; - reads standard input",
    )
    add("-o", "--output", type=Path, required=True, help="folder to create")
    add("--add", type=Path, metavar="INDEX", help="index to extend: its references come before those of the library")
    add("--taxonomy", type=Path, metavar="FILE", help="names of the library's records, as for dnacse identify")
    add(
        "--calibrate_for",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="sequences like the later queries, such as amplicons of a primer pair; one file for each kind",
    )
    add_model_arguments(parser, None)
    add_embedding_arguments(parser)


class IndexInput(NamedTuple):
    """The library, and files of sequences to calibrate for, after a first reading."""

    library: "LibraryFile"
    queries: "list[QueryFiles]"


def check(args: argparse.Namespace) -> IndexInput:
    """Check the output and the model's files, and read the inputs once."""
    from ..identification.indexes.index_files import read_description
    from ..identification.queries import QueryFiles
    from ..identification.references import read_references

    check_model_folder(args.output, [args.input, args.add, args.taxonomy, args.model, *args.calibrate_for])
    check_model(args.model)
    check_device(args.device)
    if args.add is not None:
        read_description(args.add)
    queries = [QueryFiles([path]) for path in args.calibrate_for]
    for files in queries:
        files.check()
    return IndexInput(read_references(args.input, args.taxonomy), queries)


def run(args: argparse.Namespace, first: IndexInput) -> None:
    """Make the index; its name is locked until it is complete."""
    from ..machine.atomic import written_whole
    from ..machine.stamps import unchanged

    with written_whole(args.output) as folder, unchanged([] if args.add is None else [args.add]):
        report = make_index(args, first, folder)
    sys.stderr.write(f"{args.output}: {report}\n")


def make_index(args: argparse.Namespace, first: IndexInput, folder: Path) -> str:
    """Encode the library, calibrate on it, and write the index to a new folder; say what it holds."""
    from ..identification.doubtful_names import doubts
    from ..identification.encoding import make_encoder
    from ..identification.identifier import Identifier, model_for
    from ..identification.indexes.index import read_index, write_index

    device = find_device(args.device)
    options = embed_options(args, device)
    index = None if args.add is None else read_index(args.add)
    if index is not None:
        args.model = args.model or index.shipped_model()
    args.model = model_for(args.model, first.library)
    encoder = make_encoder(*load_from_options(args, device), options)
    if index is None:
        identifier = Identifier.from_library(args.model, encoder, first.library)
    else:
        identifier = Identifier.from_stored(args.model, encoder, index).extended(first.library)
        told = {*doubts(index.references.labels), *doubts(first.library.references.labels)}
        for line in doubts(identifier.references.labels):
            if line not in told:
                sys.stderr.write(f"{args.add} with {args.input}: {line}\n")
        if (others := len(index.calibrations) - 1) > 0:  # than for queries like its own records
            sys.stderr.write(
                f"{args.add}: what it was calibrated for ({others:,} x --calibrate_for) does not hold for a larger "
                "library; give these files again\n"
            )
    sys.stderr.write("calibrating\n")
    identifier.calibrate()
    for path, files in zip(args.calibrate_for, first.queries, strict=True):
        identifier.calibrate(files.read(), lambda line, path=path: sys.stderr.write(f"{path}: {line}\n"))
    write_index(identifier.stored(folder))
    count = len(identifier.calibrations)
    kinds = "1 kind" if count == 1 else f"{count} kinds"
    return f"{identifier.describe(identifier.calibrations[0].data)}; calibrated for {kinds} of queries"
