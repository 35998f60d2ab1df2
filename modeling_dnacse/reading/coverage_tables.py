"""Coverage tables in; the depth of each contig in each sample out. The header shows which tool wrote a table.

| tool | recognised by | depths |
|---|---|---|
| `jgi_summarize_bam_contig_depths` | `contigName contigLen totalAvgDepth` | other columns but `-var`, else the total |
| CoverM | `Contig` or `Genome`, then samples with methods | of each sample the first of `METHODS` that it has |
| VAMB | `contigname`, then samples | all other columns |
| `strobealign --aemb` | no header: an id and a number | the one column |

A contig's id is the first word of its name, since some tools write the whole header and others only its first word.
Samples of several tables are concatenated.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from os import PathLike, fspath

import numpy as np

from ..machine.control_characters import refuse_controls
from .tables import amount
from .text_files import open_ascii, restore

JGI = ["contigName", "contigLen", "totalAvgDepth"]
METHODS = ("Mean", "Trimmed Mean", "RPKM", "TPM", "Reads per base", "Relative Abundance (%)")
NO_DEPTH = re.compile(r"(contig|seq|sequence)?[_ ]?len(gth)?|size|gc|.*-var|totalAvgDepth", re.IGNORECASE)
OTHER_METHODS = ("Covered Fraction", "Covered Bases", "Variance", "Length", "Read Count", "Count", "ANIr")


def read_depths(
    paths: Sequence[str | PathLike[str]], ids: Iterable[str], lengths: Sequence[int] = ()
) -> tuple[np.ndarray, list[str]]:
    """Read the depths of contigs from one table or several.

    Args:
        paths: Tables, plain or compressed, each of one sample or of several.
        ids: Contigs that must be in each table (n,); other contigs are ignored.
        lengths: Their lengths in bp (n,), which must be those of tables that have lengths; none: not compared.

    Returns:
        Depths (n, samples) float64, in the order of the ids and of the tables, and the names of the samples.

    Raises:
        ValueError: the kind of a table is unknown, a number in it is not a depth, or a contig is repeated or missing.
            The message names file, line and remedy. Or a contig has another length, as that of another assembly,
            or depths are lengths.
    """
    words = [identifier.split()[0] for identifier in ids]
    word, times = Counter(words).most_common(1)[0] if words else ("", 0)
    if times > 1:
        raise ValueError(
            f"the ids of {times:,} contigs begin with the same word, {word[:100]!r}, by which tables of depths name "
            "contigs; write ids without blanks"
        )
    tables, names = [], []
    for path in [fspath(path) for path in paths]:
        samples, rows, known = _read(path)
        lacking = next((word for word in words if word not in rows), None)
        if lacking is not None:
            count = sum(word not in rows for word in words)
            raise ValueError(
                f"{path}: there is no contig {lacking}, and {count:,} of {len(words):,} contigs are missing; map the "
                "reads to the same contigs, and give the table that has them all"
            )
        for word, length in zip(words, lengths, strict=False):
            if known.get(word, length) != length:
                raise ValueError(
                    f"{path}: contig {word} has {known[word]:,.0f} bp there, but {length:,} here; map the "
                    "reads to these contigs"
                )
        depths = np.array([rows[word] for word in words], dtype=float).reshape(len(words), -1)
        if len(words) > 1 and any(np.array_equal(column, lengths) for column in depths.T):
            raise ValueError(f"{path}: the depths are the lengths of the contigs; give a table of depths")
        names += samples
        tables.append(depths)
    return np.concatenate(tables, axis=1), names


def telling_samples(depths: np.ndarray, names: list[str]) -> tuple[list[int], list[str]]:
    """Find the samples whose depths tell contigs apart; and what is wrong with each other one.

    Args:
        depths: Of contigs in samples (n, samples).
        names: Of the samples.

    Returns:
        Their columns, and a phrase for each other sample.

    >>> telling_samples(np.array([[1.0, 0.0, 1.0], [2.0, 0.0, 2.0]]), ["a", "b", "c"])
    ([0], ['b has the depth 0 for all contigs', 'c has the depths of a'])
    """
    earlier: dict[bytes, int] = {}
    kept, others = [], []
    for column, name in enumerate(names):
        depth = depths[:, column]
        same = earlier.setdefault(depth.tobytes(), column)
        if (depth == depth[0]).all():
            others.append(f"{name} has the depth {depth[0]:g} for all contigs")
        elif same < column:
            others.append(f"{name} has the depths of {names[same]}")
        else:
            kept.append(column)
    return kept, others


def _read(path: str) -> tuple[list[str], dict[str, list[float]], dict[str, float]]:
    """The samples, the depths of each contig, and its length if the table has lengths."""
    lines = _lines(path)
    number, header = next(lines, (1, [""]))
    columns, samples = _columns(path, header)
    refuse_controls(f"{path}:{number}", "".join(samples), "the name of a sample")
    if not samples:  # no header
        lines, columns, samples = chain([(number, header)], lines), [1], [path]
    rows: dict[str, list[float]] = {}
    lengths: dict[str, float] = {}
    for number, fields in lines:
        if len(fields) != len(header):
            raise ValueError(
                f"{path}:{number}: {len(fields)} columns, but {len(header)} in the first line; the table seems cut "
                "short: write it again"
            )
        words = fields[0].split()
        if not words or words[0] in rows:
            what = f"the contig {words[0]} is there twice" if words else "a line without a contig"
            raise ValueError(f"{path}:{number}: {what}; give one line for each contig")
        rows[words[0]] = [_depth(path, number, fields[column]) for column in columns]
        if header[:3] == JGI:
            lengths[words[0]] = _depth(path, number, fields[1])
    return samples, rows, lengths


def _lines(path: str) -> Iterator[tuple[int, list[str]]]:
    with open_ascii(path) as file:
        for number, line in enumerate(file, 1):
            text = restore(line.decode("ascii")).rstrip("\r\n")
            if text:
                yield number, text.split("\t")


def _columns(path: str, header: list[str]) -> tuple[list[int], list[str]]:
    """Find the columns of depths and the names of their samples; none if the first line is not a header."""
    first, rest = header[0].strip().lstrip("#"), header[1:]
    if header[:3] == JGI:
        columns = [column for column in range(3, len(header)) if not header[column].endswith("-var")] or [2]
        return columns, [header[column] for column in columns]
    if first in ("Contig", "Genome") and rest:
        depths = [
            (METHODS.index(method), name.removesuffix(method).strip(), column)
            for column, name in enumerate(rest, 1)
            if (method := _method(name)) in METHODS
        ]
        best = {sample: method for method, sample, _ in sorted(depths, reverse=True)}  # the first method comes last
        if chosen := [(column, sample) for method, sample, column in depths if method == best[sample]]:
            return [column for column, _ in chosen], [sample for _, sample in chosen]
        raise ValueError(
            f"{path}:1: got the columns {', '.join(rest)}, none of which is a depth; run CoverM with --methods mean"
        )
    if first.lower() in ("contigname", "contig", "contigid") and rest:
        if other := next((name for name in rest if NO_DEPTH.fullmatch(name.strip())), None):
            raise ValueError(
                f"{path}:1: the column {other!r} holds no depths; remove it, so that each column but the first is of "
                "a sample"
            )
        return list(range(1, len(header))), rest
    if len(header) == 2 and _is_number(header[1]):
        return [], []
    raise ValueError(
        f"{path}:1: not a coverage table; give one of coverm contig, of jgi_summarize_bam_contig_depths, or of "
        "strobealign --aemb, separated by tabs"
    )


def _method(column: str) -> str:
    """The method of a column of CoverM, the longest that its name ends with (Trimmed Mean, not Mean); "": none."""
    return max((name for name in METHODS + OTHER_METHODS if column.endswith(name)), key=len, default="")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _depth(path: str, number: int, text: str) -> float:
    depth = amount(text)
    if math.isnan(depth):
        raise ValueError(
            f"{path}:{number}: got {text[:30]!r}, but a depth is a number of at least 0; write the table again"
        )
    return depth
