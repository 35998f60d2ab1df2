"""Calls in; a file in the format of the tool that reads it next out (`FORMATS`; docs/identify.md shows each).

A writer takes the calls as a stream and writes each as it comes; BIOM alone is written at the end.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TextIO

from .call_table import Call, Cell, call_columns, call_row, cell_text
from .queries import Query

# ranks in the taxonomies of QIIME2 and SINTAX; names at other ranks are left out there
LETTERS = {"domain": "d", "kingdom": "k", "phylum": "p", "class": "c", "order": "o", "family": "f", "genus": "g"}
LETTERS |= {"species": "s"}
NO_SINTAX, NO_QIIME2 = re.compile(r"[\s,;()]"), re.compile(r"[\s;]")  # in names; they end names in these formats


class Layout(NamedTuple):
    """What the rows of a file have in common."""

    ranks: Sequence[str]  # of the library, species first
    samples: Sequence[str]  # those with counts
    counts: Callable[[Query], Mapping[int, float]]  # counts of a query by the position of the sample


def write_tsv(calls: Iterable[Call], layout: Layout, file: TextIO) -> None:
    """The call table, followed by the counts of each sample if there are counts."""
    table = csv.writer(file, delimiter="\t", lineterminator="\n")
    table.writerow([*call_columns(layout.ranks), *layout.samples])
    for call in calls:
        cells = [cell_text(cell) for cell in call_row(call, layout.ranks)]
        counts = layout.counts(call.query)
        table.writerow([*cells, *(count_text(counts.get(place, 0)) for place in range(len(layout.samples)))])


def write_json(calls: Iterable[Call], layout: Layout, file: TextIO) -> None:
    """A list of objects, one per line: the columns of the call table (null: unknown), counts and hits."""
    columns = call_columns(layout.ranks)
    separator = "[\n"
    for call in calls:
        row: dict[str, Any] = {
            key: known(cell) for key, cell in zip(columns, call_row(call, layout.ranks), strict=True)
        }
        if layout.samples:
            row["counts"] = {layout.samples[place]: count for place, count in layout.counts(call.query).items()}
        if call.hits:
            row["hits"] = [{key: known(cell) for key, cell in hit.items() if key != "id"} for hit in call.hits]
        file.write(separator + json.dumps(row, ensure_ascii=False))
        separator = ",\n"
    file.write("\n]\n")


def write_qiime2(calls: Iterable[Call], layout: Layout, file: TextIO) -> None:
    """A table that QIIME2 imports as FeatureData[Taxonomy]."""
    file.write("Feature ID\tTaxon\tConfidence\n")
    for call in calls:
        taxon = "; ".join(lineage(call, layout.ranks)) or "Unassigned"
        best = max((number for number in call.probabilities if not math.isnan(number)), default=0.0)
        sure = call.probabilities[call.level] if call.level >= 0 else best
        file.write(f"{call.query.id}\t{taxon}\t{cell_text(sure)}\n")


def write_sintax(calls: Iterable[Call], layout: Layout, file: TextIO) -> None:
    """What vsearch --sintax --tabbedout writes: id, all names with their probabilities, strand, names of the call.

    The strand is empty if it is unknown.
    """
    ranks = [number for number in reversed(range(len(layout.ranks))) if layout.ranks[number] in LETTERS]
    for call in calls:
        written = [
            (f"{LETTERS[layout.ranks[rank]]}:{NO_SINTAX.sub('_', call.names[rank])}", call.probabilities[rank], rank)
            for rank in ranks
            if call.names[rank] and not math.isnan(call.probabilities[rank])
        ]
        every = ",".join(f"{name}({min(probability, 1):.4f})" for name, probability, _ in written)
        of_call = call.called_names()
        called = ",".join(name for name, _, rank in written if of_call[rank])
        by_sites = call.nearest["overlap"] is not None  # vectors are the same on both strands
        strand = ("-" if call.reverse else "+") if written and by_sites else ""
        file.write(f"{call.query.id}\t{every}\t{strand}\t{called}\n")


def write_dada2(calls: Iterable[Call], layout: Layout, file: TextIO) -> None:
    """The matrix that DADA2's assignTaxonomy gives: a row for each id, a column for each rank, NA below the call."""
    file.write("".join(f"\t{rank.capitalize()}" for rank in reversed(layout.ranks)) + "\n")
    for call in calls:
        names = [name or "NA" for name in reversed(call.called_names())]
        file.write("\t".join([call.query.id, *names]) + "\n")


def write_biom(calls: Iterable[Call], layout: Layout, file: TextIO) -> None:
    """A BIOM table, version 1.0 (JSON): the counts of each query in each sample, with its taxonomy."""
    rows: list[dict[str, Any]] = []
    data: list[list[float]] = []
    for call in calls:
        data += [[len(rows), place, count] for place, count in sorted(layout.counts(call.query).items())]
        sure = known(call.probabilities[call.level]) if call.level >= 0 else None
        taxonomy = lineage(call, layout.ranks) or ["Unassigned"]
        rows.append({"id": call.query.id, "metadata": {"taxonomy": taxonomy, "confidence": sure}})
    whole = all(float(count).is_integer() for _, _, count in data)
    table = {
        "id": None,
        "format": "Biological Observation Matrix 1.0.0",
        "format_url": "http://biom-format.org",
        "type": "OTU table",
        "generated_by": "dnacse identify",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": rows,
        "columns": [{"id": sample, "metadata": None} for sample in layout.samples],
        "matrix_type": "sparse",
        "matrix_element_type": "int" if whole else "float",
        "shape": [len(rows), len(layout.samples)],
        "data": [[row, place, int(count) if whole else count] for row, place, count in data],
    }
    json.dump(table, file, ensure_ascii=False)
    file.write("\n")


FORMATS: dict[str, Callable[[Iterable[Call], Layout, TextIO], None]] = {
    "tsv": write_tsv,
    "qiime2": write_qiime2,
    "sintax": write_sintax,
    "dada2": write_dada2,
    "biom": write_biom,
    "json": write_json,
}


def lineage(call: Call, ranks: Sequence[str]) -> list[str]:
    """The names of a call from the highest rank down, with the letters of their ranks; [] without a call."""
    if call.level < 0:
        return []
    named = zip(ranks, call.called_names(), strict=True)
    places = [(LETTERS[rank], NO_QIIME2.sub("_", name)) for rank, name in named if rank in LETTERS]
    lowest = next((place for place, (_, name) in enumerate(places) if name), len(places))
    return [f"{letter}__{name}" for letter, name in reversed(places[lowest:])]


def known(cell: Cell) -> Cell:
    """A cell for JSON; None: unknown."""
    if isinstance(cell, float):
        return None if math.isnan(cell) else round(cell, 4)
    return cell if cell != "" else None


def count_text(count: float) -> str:
    """A count as it is written.

    >>> count_text(3.0), count_text(0.5)
    ('3', '0.5')
    """
    return str(int(count)) if float(count).is_integer() else str(count)
