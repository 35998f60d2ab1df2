"""The binning format of CAMI (bioboxes 0.9), in and out: which contig is in which bin, or of which genome.

    @Version:0.9.1
    @SampleID:sample
    @@SEQUENCEID    BINID    _LENGTH
    contig_1        genome_3 5120

A gold standard is such a file with lengths. CAMI's simulator writes instead a `gsa_mapping.tsv`, whose header line is
`#anonymous_contig_id genome_id tax_id contig_id number_reads start_position end_position`: both are read. Columns are
separated by tabs.
"""

from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from modeling_dnacse.machine.atomic import whole_text
from modeling_dnacse.machine.earlier_outputs import holds_near_start
from modeling_dnacse.reading.sequences import open_ascii, restore

VERSION, SAMPLE = "@Version:0.9.1", "sample"
EARLIER = holds_near_start(f"{VERSION}\n@SampleID:{SAMPLE}\n@@SEQUENCEID\tBINID".encode())  # of `write_cami`
NAMES = {"SEQUENCEID": "contig", "anonymous_contig_id": "contig", "BINID": "bin", "genome_id": "bin"}


def write_cami(
    path: Path,
    ids: Sequence[str],
    bins: Sequence[str] | np.ndarray,
    lengths: Sequence[int] = (),
    sample: str = SAMPLE,
) -> None:
    """Write bins, for AMBER or any other reader of the format.

    Args:
        path: The file.
        ids: Contigs (n,).
        bins: Bin, or of a gold standard the genome, of each (n,); "" or -1 is in none and left out.
        lengths: bp of each (n,), which a gold standard needs.
        sample: Name of the sample, the same in all files that are compared.
    """
    header = ["@@SEQUENCEID", "BINID"] + ["_LENGTH"] * bool(lengths)
    columns = [ids, bins, lengths] if lengths else [ids, bins]
    rows = [row for row in zip(*columns, strict=True) if str(row[1]) not in ("", "-1")]
    lines = [VERSION, f"@SampleID:{sample}", *("\t".join(map(str, row)) for row in [header, *rows])]
    with whole_text(path) as file:
        file.write("\n".join(lines) + "\n")


def read_cami(path: str | PathLike[str]) -> dict[str, str]:
    """Read which bin or genome each contig is in, from either of the two formats above.

    Raises:
        ValueError: with file, line and remedy: no header line, a row without these columns, or a contig in two bins.
    """
    path = fspath(path)
    found: dict[str, str] = {}
    columns: dict[str, int] = {}
    for number, fields in _rows(path):
        if fields[0].startswith(("@@", "#")):
            fields[0] = fields[0].lstrip("@#")
            columns = {NAMES[name]: index for index, name in enumerate(fields) if name in NAMES}
            continue
        if len(columns) < 2:
            raise ValueError(
                f"{path}:{number}: no header line above this row that names a column SEQUENCEID and one BINID (or "
                "anonymous_contig_id and genome_id); add it"
            )
        if len(fields) <= max(columns.values()):
            raise ValueError(f"{path}:{number}: {len(fields)} fields, fewer than the header names; complete the row")
        contig, name = fields[columns["contig"]], fields[columns["bin"]]
        if found.setdefault(contig, name) != name:
            raise ValueError(f"{path}:{number}: contig {contig!r} is in {name!r} and in {found[contig]!r}; keep one")
    if not found:
        raise ValueError(f"{path}: no rows; give a file with at least one contig")
    return found


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    with open_ascii(path) as file:
        for number, line in enumerate(file, 1):
            text = restore(line.decode("ascii")).rstrip("\r\n")
            if text.strip() and (text.startswith("@@") or not text.startswith("@")):
                yield number, text.split("\t")
