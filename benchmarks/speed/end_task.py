"""Identifying barcodes: queries and references in, what it costs to find each one's nearest by embedding and by tools.

- `ours, …, references embedded`: both sides embedded, then exact 1-NN by cosine; `ours, …, references cached`: queries
  only, as where the vectors of a library are kept.
- `vsearch`: `--usearch_global` of version 2 as most run it, the first acceptable hit at half identity, one strand.
- `blastn megablast`: as the baseline `blast` of alignment_tools.py runs it.

The seconds of a tool hold its start and its reading of files. Our seconds do not hold the start of Python and the
loading of the model, which is `start_seconds`. `genus_right` is the share of queries whose hit belongs to their genus:
it shows that a fast way is not a wrong one.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.methods.alignment_tools import megablast_hits, no_limit
from benchmarks.methods.method import Split, normalise
from benchmarks.methods.programs import find_program, rows, run, write_fasta
from benchmarks.provenance.costs import measure
from benchmarks.speed.arms import load_arm
from modeling_dnacse.vectors.neighbours import nearest

EMBEDDED, CACHED = "references embedded", "references cached"


def draw_task(splits: Mapping[str, Split], count: int, seed: int = 0) -> tuple[Split, Split]:
    """Draw references of the split train and queries of the other splits, `count` of each or as many as there are.

    Args:
        splits: Labelled sequences by split.
        count: References, and queries.
        seed: Seed of both draws.

    Raises:
        ValueError: There is no train, or nothing else.
    """
    others = [split for name, split in splits.items() if name != "train"]
    if "train" not in splits or not others:
        raise ValueError(
            f"the data have the splits {', '.join(splits)}, but the end task needs train and another one."
        )
    genera = np.concatenate([split.labels["genus"] for split in others])
    queries = Split(splits["train"].ids[:0], [s for split in others for s in split.sequences], {"genus": genera})
    rng = np.random.default_rng(seed)
    return draw(splits["train"], count, rng), draw(queries, count, rng)


def draw(split: Split, count: int, rng: np.random.Generator) -> Split:
    """Draw rows of a split, of which only the genus is kept beside the sequences."""
    chosen = rng.permutation(len(split.sequences))[:count]
    sequences = [split.sequences[row] for row in chosen.tolist()]
    return Split(split.ids[:0], sequences, {"genus": split.labels["genus"][chosen]})


def identify_by_embedding(
    arm: str, folder: str, device: str, queries: Sequence[str], references: Sequence[str]
) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """Find each query's nearest reference by embedding, of both strands where the model's vectors are such.

    Args:
        arm: One of ours.
        folder: Of the model.
        device: Where it runs.
        queries: Sequences.
        references: Sequences.

    Returns:
        Rows of the references (queries,), and the costs, with the references `EMBEDDED` or `CACHED`.
    """
    way = load_arm(arm, folder, device)
    targets, library = measure(lambda: normalise(way.embed(references, both_strands=None)))
    (found, _), asked = measure(lambda: nearest(normalise(way.embed(queries, both_strands=None)), targets))
    whole = {cost: round(library[cost] + asked[cost], 2) for cost in ("wall_seconds", "cpu_seconds")}
    whole["peak_memory_mb"] = max(library["peak_memory_mb"], asked["peak_memory_mb"])
    return found[:, 0], {EMBEDDED: whole, CACHED: {cost: asked[cost] for cost in whole}}


def identify_by_vsearch(queries: Sequence[str], references: Sequence[str], threads: int) -> np.ndarray:
    """Find each query's first acceptable reference (queries,), -1 where there is none.

    Raises:
        ValueError: There is no vsearch on PATH.
    """
    program = find_program("vsearch", "vsearch")
    found = np.full(len(queries), -1, dtype=np.int64)
    with TemporaryDirectory() as folder:
        asked, library, table = (Path(folder, name) for name in ("queries.fa", "references.fa", "hits.tsv"))
        if write_fasta(asked, queries) and write_fasta(library, references):
            command = [program, "--usearch_global", asked, "--db", library, "--id", "0.5", "--maxaccepts", 1]
            command += ["--userout", table, "--userfields", "query+target", "--threads", threads]
            run([*command, *no_limit(queries, references), "--quiet"])
        for query, reference in rows(table):
            found[int(query)] = int(reference)
    return found


def identify_by_megablast(queries: Sequence[str], references: Sequence[str], threads: int) -> np.ndarray:
    """Find each query's best hit by local alignment (queries,), -1 where there is none.

    Raises:
        ValueError: There is no BLAST on PATH.
    """
    blastn, makeblastdb = (find_program(program, "ncbi-blast+") for program in ("blastn", "makeblastdb"))
    return megablast_hits(blastn, makeblastdb, queries, references, threads).index


TOOLS = {"vsearch": identify_by_vsearch, "blastn megablast": identify_by_megablast}


def measure_tool(
    name: str, queries: Sequence[str], references: Sequence[str], threads: int
) -> tuple[np.ndarray, dict[str, float]]:
    """Run a tool: rows of the references (queries,), and its costs, the memory being its own."""
    found, costs = measure(partial(TOOLS[name], queries, references, threads))
    costs["peak_memory_mb"] = costs.pop("children_peak_memory_mb")
    return found, costs


def genus_right(found: np.ndarray, queries: Split, references: Split) -> float:
    """Share of the queries whose hit is of their genus; a query without a hit is wrong.

    >>> labelled = lambda *genera: Split(np.array([]), [], {"genus": np.array(genera)})
    >>> genus_right(np.array([1, -1, 0]), labelled("Apis", "Apis", "Bombus"), labelled("Apis", "Apis"))
    0.333
    """
    hit = references.labels["genus"][found] == queries.labels["genus"]
    return round(float((hit & (found >= 0) & (queries.labels["genus"] != "")).mean()), 3)


def about_task(queries: Split, references: Split) -> Mapping[str, Any]:
    """What was asked: numbers of sequences and their median length in bp."""
    return {
        "queries": len(queries.sequences),
        "references": len(references.sequences),
        "median_bp": int(np.median([len(sequence) for sequence in (*queries.sequences, *references.sequences)])),
    }
