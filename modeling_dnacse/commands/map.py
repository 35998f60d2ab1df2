"""Draw a map of sequences: sequences with similar vectors lie near each other, coloured by their names.

    dnacse map IN.fasta -o MAP.html
    dnacse map ASVS.fasta -o MAP.html --labels CALLS.tsv --colour_by order
    dnacse map IN.fasta -o MAP.png

MAP.html is one file that any browser opens without a network. The pointer shows the id and names of a point, a box
searches them, and the lasso selects points, which can be saved as FASTA or as ids. The page holds the sequences up to
20 million bases; with more, or with an id that holds white space, only ids can be saved. MAP.png, .svg and .pdf are
pictures of the same map; --dark draws them for dark pages.

Names come from the columns or headers of the input (docs/formats.md lists them), or from the table --labels, such as
one of dnacse identify, whose names are drawn from the call upwards, or of dnacse cluster. Colours show the lowest rank
with at most 8 names. --colour_by chooses another rank, or any column of the table. Each of the 8 largest groups has
its own colour and marker.

The layout is UMAP (McInnes et al. 2018). Neighbours on the map are similar. Distances between groups, and their areas,
have no meaning. Ten thousand sequences take about a minute, a few take half of it, since UMAP is compiled first.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..loading.model_folders import check_model
from ..machine.earlier_outputs import check_replaced, holds_near_start
from ..machine.file_names import text_of
from ..machine.outputs import check_outputs
from ..machine.pictures import EARLIER as EARLIER_PICTURES
from ..machine.streams import is_stream
from .drawing.pictures import add_dark_argument
from .options import (
    add_embedding_arguments,
    add_force_argument,
    add_model_arguments,
    at_least,
    embed_options,
    find_device,
    load_from_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ..clustering.entries import Entry, Listing

PAGE, PICTURES = ".html", (".png", ".svg", ".pdf")
EARLIER = EARLIER_PICTURES | {PAGE: holds_near_start(b"", b'content="dnacse map"')}
NEEDED = ("umap", "bokeh", "matplotlib")
MOST_BASES = 20_000_000  # of all sequences in a page


class MapInput(NamedTuple):
    """The records, and their names (n,) by column, the lowest rank first; "": no name."""

    listing: "Listing"
    names: dict[str, list[str]]
    coloured_by: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add(
        "input",
        type=Path,
        help="sequences: FASTA, FASTQ, CSV, TSV, .qza or parquet, plain or compressed; - reads standard input",
    )
    add("-o", "--output", type=Path, required=True, help="page or picture to write: .html, .png, .svg or .pdf")
    add("--labels", type=Path, metavar="TABLE", help="table of names: tab-separated, with a column id")
    add("--colour_by", metavar="COLUMN", help="rank, or column of the table, that colours show")
    add("--seed", type=at_least(0), default=0, help="seed of the layout; default: %(default)s")
    add_dark_argument(parser)
    add_model_arguments(parser)
    add_embedding_arguments(parser)
    add_force_argument(parser)


def check(args: argparse.Namespace) -> MapInput:
    """Check the output, packages and the model's files, and read the input and the table once."""
    from ..clustering.entries import list_entries
    from ..maps.points import FEWEST, choose_column

    if is_stream(args.output) or args.output.suffix not in (PAGE, *PICTURES):
        raise ValueError(f"{args.output}: a map is written to a file that ends in {', '.join((PAGE, *PICTURES))}")
    check_outputs([args.output], (args.input, args.labels, args.model))
    check_replaced(args.output, EARLIER[args.output.suffix], "a map", args.force)
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(f"a map needs {' and '.join(missing)}, not installed here: pip install 'dnacse[map]'")
    check_model(args.model)
    listing = list_entries(args.input)
    if len(listing.entries) < FEWEST:
        raise ValueError(f"{args.input} has {len(listing.entries)} sequences; a map needs at least {FEWEST}")
    names = names_of_records(listing) if args.labels is None else names_of_table(args.labels, listing)
    return MapInput(listing, names, choose_column(names, args.colour_by))


def names_of_records(listing: "Listing") -> dict[str, list[str]]:
    """The names in the input, by rank."""
    from ..reading.label_policy import RANK_ORDER

    labels = [record.labels for record in listing.file.read()]
    return {rank: [one.get(rank, "") for one in labels] for rank in RANK_ORDER if any(rank in one for one in labels)}


def names_of_table(path: Path, listing: "Listing") -> dict[str, list[str]]:
    """The columns of a table, in the order of the records; "" where it lacks a record.

    Raises:
        ValueError: the table has no column id or two of one name, an id is repeated, a row has more or fewer fields
            than the first line, a cell holds a control character, or no record is in the table.
    """
    import csv

    from ..machine.control_characters import refuse_controls
    from ..reading.label_policy import RANK_ORDER
    from ..reading.tables import checked_rows
    from ..reading.text_files import open_ascii, restore

    with open_ascii(str(path)) as stream:
        lines = (restore(line.decode("ascii").rstrip("\r\n")) for line in stream)
        table = csv.reader(lines, delimiter="\t")  # quoted like the tables of cluster and identify
        lines_of_table = checked_rows(path, table)
        header = next(lines_of_table, [])
        if "id" not in header:
            raise ValueError(f"{path}:1: no column id, but {', '.join(header)[:100]!r}; give a tab-separated table")
        refuse_controls(f"{path}:1", "".join(header), "the name of a column")
        if twice := next((name for name in header if name and header.count(name) > 1), None):
            raise ValueError(f"{path}:1: two columns are called {twice[:100]!r}; rename one")
        rows = {}
        for row in lines_of_table:
            if len(row) != len(header):
                raise ValueError(
                    f"{path}:{table.line_num}: {len(row)} fields where the first line names {len(header)}; complete it"
                )
            refuse_controls(f"{path}:{table.line_num}", "".join(row), "a name")
            name = row[header.index("id")]
            if name in rows:
                raise ValueError(f"{path}:{table.line_num}: id {name[:100]!r} was used before; keep one row of it")
            rows[name] = row
    found = [rows.get(entry.id) for entry in listing.entries]
    if not any(found):
        raise ValueError(f"{path}: none of the records of {listing.file.path} is in it; the ids must be equal")
    if without := found.count(None):
        sys.stderr.write(
            f"{path}: {without:,} of {len(found):,} records are not in it; they are drawn without a name\n"
        )
    columns = [name for name in RANK_ORDER if name in header]
    columns += [name for name in header if name not in ("id", "", *columns)]
    places = {name: header.index(name) for name in columns}
    return called_names({name: ["" if row is None else row[place] for row in found] for name, place in places.items()})


def called_names(names: dict[str, list[str]]) -> dict[str, list[str]]:
    """The columns of a table; of the calls of dnacse identify, the names from the call upwards, as `Call` gives them.

    >>> table = {"species": ["Apis alba"], "genus": ["Apis"], "call": ["Apis"], "rank": ["genus"]}
    >>> called_names(table | {"species_probability": ["0.3"], "genus_probability": ["0.9"]})["species"]
    ['']
    """
    from ..reading.tables import amount

    ranks = [name for name in names if f"{name}_probability" in names]
    if not ranks or "rank" not in names:
        return names
    sure = {rank: [amount(cell) for cell in names[f"{rank}_probability"]] for rank in ranks}
    kept = {rank: [""] * len(column) for rank, column in names.items() if rank in ranks}
    for row, rank in enumerate(names["rank"]):
        for above in ranks[ranks.index(rank) :] if rank in ranks else []:
            if not sure[above][row] < sure[rank][row]:
                kept[above][row] = names[above][row]
    return names | kept


def run(args: argparse.Namespace, first: MapInput) -> None:
    """Embed, lay out, and put the output in place."""
    from ..clustering.entries import embed_entries, id_cut_in_fasta
    from ..maps.points import MapPoints, describe, is_number, lay_out, style_groups

    device = find_device(args.device)
    options = embed_options(args, device)
    model, tokenizer = load_from_options(args, device)
    listing, names, coloured_by = first
    entries = listing.entries
    vectors = embed_entries(listing, [True] * len(entries), model, tokenizer, options)
    check_not_zero(args.input, entries, vectors)
    sys.stderr.write(f"computing the layout of {len(entries):,} sequences (UMAP, which is compiled first)\n")
    without = ""
    if sum(entry.bp for entry in entries) > MOST_BASES:
        without = f"without sequences, since the page takes at most {MOST_BASES:,} bases"
    elif cut := id_cut_in_fasta(entries):
        without = f"without sequences, since FASTA ends an id at white space, as in {cut[:100]!r}"
    kept = args.output.suffix == PAGE and not without
    groups, styles = style_groups(names[coloured_by] if coloured_by else [""] * len(entries), args.dark)
    shown = {name: column for name, column in names.items() if name == coloured_by or not is_number(column)}
    points = MapPoints(
        [entry.id for entry in entries],
        [record.sequence for record in listing.file.read()] if kept else [],
        [describe(shown, row) for row in range(len(entries))],
        lay_out(vectors, args.seed),
        groups,
        styles,
        coloured_by,
        args.dark,
    )
    by = f", by {coloured_by}" if coloured_by else ""
    title = f"{len(entries):,} sequences of {text_of(args.input.name)}{by}"
    if args.output.suffix == PAGE:
        from ..maps.page import write_page

        write_page(args.output, points, title)
    else:
        from ..maps.picture import draw_map

        draw_map(args.output, points, title)
    sys.stderr.write(f"{args.output}: {title}{f'; {without}' if args.output.suffix == PAGE and without else ''}\n")


def check_not_zero(path: Path, entries: "Sequence[Entry]", vectors: "np.ndarray") -> None:
    """Refuse vectors (n, d) of zeros, which have no neighbours.

    Raises:
        ValueError: a record is shorter than the k-mers of the model, or has an N in each one.
    """
    zero = [entry.id for entry, vector in zip(entries, vectors, strict=True) if not vector.any()]
    if zero:
        raise ValueError(
            f"{path}: {len(zero):,} records hold no k-mer of the model, such as {zero[0]!r}, and have no place on a "
            "map; remove them"
        )
