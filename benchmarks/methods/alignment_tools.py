"""Methods of the alignment tools that people use today: vsearch, SINTAX and BLAST, found on PATH.

- `vsearch`: the most identical reference by global alignment, either strand; and clusters at 97 % identity
  (`--cluster_size` after pooling of exact duplicates). vsearch aligns the references that share most 8-mers with the
  query until `ACCEPTS` are at least half identical; users often stop at the first, which costs accuracy.
- `sintax`: vsearch's SINTAX (Edgar 2016), a name and its bootstrap support, either strand. On one thread: with more,
  the same seed gives other numbers each time.
- `blast`: the best hit of megablast, either strand, by the share of identical bases in the shorter of the two
  sequences. Bit scores grow with the length of the alignment and so prefer a long reference to a nearer short one.

Scores are identities from 0 to 1, for `sintax` the support. Of equal hits the one with the longer alignment counts,
then the first reference. A sequence too short to align (`programs.FEWEST_BASES`) has no hit and a cluster of its own.
For pieces of genomes vsearch is unsuited: it aligns sequences from end to end, in time that grows with the square of
their length (20 kb: seconds per alignment).
Files are written to a private folder and removed. A method's revision is the tool's version.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.methods.method import Hits, Method, Predictions, Split, Unsuited
from benchmarks.methods.programs import find_program, rows, run, version, write_fasta

ACCEPTS = 128  # references aligned to a query
CLUSTER_IDENTITY = 0.97
LONGEST_MEAN = 5000  # bp
SINTAX_SEED = "1"
_CALL = re.compile(r"s:(\d+)\(([\d.]+)\)")


class Hit(NamedTuple):
    """One alignment of a query with a reference."""

    query: int  # rows
    reference: int
    score: float
    length: float  # decides between equal scores: aligned columns, or bits


def vsearch_hits(program: str, queries: Sequence[str], references: Sequence[str], threads: int) -> Hits:
    """Find the most identical reference of each query by global alignment, both strands.

    Args:
        program: Path of vsearch.
        queries: Upper-case sequences (q,).
        references: Upper-case sequences (r,).
        threads: Threads of vsearch.

    Returns:
        Hits whose score is the share of identical columns in an alignment without its terminal gaps.

    Raises:
        Unsuited: The sequences are too long.
        RuntimeError: vsearch failed.
    """
    check_lengths(queries, references)
    with TemporaryDirectory() as folder:
        query_file, library = Path(folder, "queries.fa"), Path(folder, "references.fa")
        table = Path(folder, "hits.tsv")
        if write_fasta(query_file, queries) and write_fasta(library, references):
            command = [program, "--usearch_global", query_file, "--db", library, "--strand", "both", "--id", "0.5"]
            command += ["--maxaccepts", ACCEPTS, "--qmask", "none", "--dbmask", "none", *no_limit(queries, references)]
            command += ["--userout", table, "--userfields", "query+target+ids+mism+gaps", "--threads", threads]
            run([*command, "--quiet"])
        return best_hits(len(queries), vsearch_rows(table))


def vsearch_rows(table: Path) -> Iterator[Hit]:
    """Read the hits that vsearch wrote: query, reference, identical, different and gap columns."""
    for query, reference, identical, different, gaps in rows(table):
        columns = int(identical) + int(different) + int(gaps)
        yield Hit(int(query), int(reference), int(identical) / columns, columns)


def vsearch_clusters(
    program: str, sequences: Sequence[str], threads: int, identity: float = CLUSTER_IDENTITY
) -> np.ndarray:
    """Cluster greedily by identity, most frequent sequences first, both strands.

    Args:
        program: Path of vsearch.
        sequences: Upper-case sequences (n,).
        threads: Threads of vsearch.
        identity: With the first sequence of a cluster, 0 to 1.

    Returns:
        Labels (n,) int, numbered from 0 in the order in which clusters appear.

    Raises:
        Unsuited: The sequences are too long.
        RuntimeError: vsearch failed.
    """
    check_lengths(sequences)
    copies = Counter(sequences)
    unique = list(copies)
    # width, because vsearch orders equally frequent sequences by their labels
    labels = [f"{row:09d};size={copies[sequence]}" for row, sequence in enumerate(unique)]
    cluster_of = {sequence: f"alone {row}" for row, sequence in enumerate(unique)}
    with TemporaryDirectory() as folder:
        fasta, table = Path(folder, "sequences.fa"), Path(folder, "clusters.tsv")
        if write_fasta(fasta, unique, labels):
            command = [program, "--cluster_size", fasta, "--id", identity, "--sizein", "--strand", "both"]
            command += ["--qmask", "none", "--uc", table, *no_limit(unique), "--threads", threads]
            run([*command, "--quiet"])
        for kind, cluster, *_, member, _centroid in rows(table):
            if kind in "SH":  # a seed of a cluster or a hit to one; C repeats the seeds
                cluster_of[unique[int(member.partition(";")[0])]] = cluster
    number = {cluster: row for row, cluster in enumerate(dict.fromkeys(cluster_of[s] for s in sequences))}
    return np.array([number[cluster_of[sequence]] for sequence in sequences], dtype=np.int64)


def sintax_names(program: str, queries: Sequence[str], references: Sequence[str], names: np.ndarray) -> Predictions:
    """Name each query by SINTAX, both strands.

    Args:
        program: Path of vsearch.
        queries: Upper-case sequences (q,).
        references: Upper-case sequences (r,).
        names: Their names (r,) str at one rank, none empty.

    Returns:
        The names and the share of bootstrap rounds that give them.

    Raises:
        RuntimeError: vsearch failed.
    """
    known, codes = np.unique(names, return_inverse=True)
    called, scores = np.full(len(queries), -1), np.zeros(len(queries), dtype=np.float32)
    with TemporaryDirectory() as folder:
        query_file, library = Path(folder, "queries.fa"), Path(folder, "references.fa")
        table = Path(folder, "calls.tsv")
        labels = [f"{row};tax=s:{code};" for row, code in enumerate(codes)]
        if write_fasta(query_file, queries) and write_fasta(library, references, labels):
            command = [program, "--sintax", query_file, "--db", library, "--strand", "both", "--tabbedout", table]
            command += ["--randseed", SINTAX_SEED, "--threads", 1, "--dbmask", "none", *no_limit(queries, references)]
            run([*command, "--quiet"])
        for query, call, *_ in rows(table):
            if match := _CALL.match(call):
                called[int(query)], scores[int(query)] = int(match[1]), float(match[2])
    return Predictions(np.where(called >= 0, known[called], ""), scores)


def megablast_hits(
    blastn: str, makeblastdb: str, queries: Sequence[str], references: Sequence[str], threads: int
) -> Hits:
    """Find the best reference of each query by local alignment, both strands.

    Args:
        blastn: Path of this program.
        makeblastdb: Path of this program.
        queries: Upper-case sequences (q,).
        references: Upper-case sequences (r,).
        threads: Threads of blastn.

    Returns:
        Hits whose score is the number of identical bases in the best alignment over the length of the shorter
        sequence: identity times coverage.

    Raises:
        RuntimeError: A program failed.
    """
    with TemporaryDirectory() as folder:
        query_file, library = Path(folder, "queries.fa"), Path(folder, "references.fa")
        database, table = Path(folder, "references"), Path(folder, "hits.tsv")
        if write_fasta(query_file, queries) and write_fasta(library, references):
            run([makeblastdb, "-in", library, "-dbtype", "nucl", "-out", database])
            command = [blastn, "-task", "megablast", "-query", query_file, "-db", database, "-out", table]
            # with -max_target_seqs 1 blastn gives a good hit, not the best one
            command += ["-max_target_seqs", 50, "-max_hsps", 1, "-num_threads", threads]
            run([*command, "-outfmt", "6 qseqid sseqid nident qlen slen bitscore"])
        return best_hits(len(queries), megablast_rows(table))


def megablast_rows(table: Path) -> Iterator[Hit]:
    """Read the hits that blastn wrote: query, reference, identical bases, both lengths and bits."""
    for query, reference, identical, *lengths, bits in rows(table):
        yield Hit(int(query), int(reference), int(identical) / min(map(int, lengths)), float(bits))


def best_hits(queries: int, hits: Iterable[Hit]) -> Hits:
    """Keep each query's best hit.

    >>> best_hits(3, [Hit(0, 5, 0.5, 90), Hit(2, 7, 0.8, 90), Hit(0, 6, 0.5, 95), Hit(0, 4, 0.5, 95)])
    Hits(index=array([ 4, -1,  7]), score=array([0.5, 0. , 0.8], dtype=float32))
    """
    best: dict[int, Hit] = {}
    for hit in hits:
        rival = best.setdefault(hit.query, hit)
        if (hit.score, hit.length, -hit.reference) > (rival.score, rival.length, -rival.reference):
            best[hit.query] = hit
    index, score = np.full(queries, -1, dtype=np.int64), np.zeros(queries, dtype=np.float32)
    for query, hit in best.items():
        index[query], score[query] = hit.reference, hit.score
    return Hits(index, score)


def check_lengths(*files: Sequence[str]) -> None:
    """Raise Unsuited where the sequences of a file, longer than `LONGEST_MEAN` on average, would take vsearch days."""
    for sequences in files:
        mean = sum(map(len, sequences)) / max(1, len(sequences))
        if mean > LONGEST_MEAN:
            raise Unsuited(
                f"vsearch aligns whole sequences and can take {LONGEST_MEAN:,} bp on average, but got {mean:,.0f}: "
                "choose blast, or give shorter sequences."
            )


def no_limit(*files: Sequence[str]) -> list[Any]:
    """The option with which vsearch drops no sequence of these files for its length (its own limit is 50,000 bp)."""
    return ["--maxseqlength", max(len(sequence) for sequences in files for sequence in sequences)]


def make_vsearch(name: str, training: Split | None, cache: Path | None, threads: int = 0) -> Method:
    """Make a method of vsearch; 0 threads: as many as torch uses, which OMP_NUM_THREADS limits."""
    program = find_program("vsearch", "vsearch")
    options = {"threads": threads or torch.get_num_threads()}
    return Method(
        name,
        version(program, "--version"),
        0,
        search=partial(vsearch_hits, program, **options),
        cluster=partial(vsearch_clusters, program, **options),
    )


def make_sintax(name: str, training: Split | None, cache: Path | None) -> Method:
    """Make the method of SINTAX."""
    program = find_program("vsearch", "vsearch")
    return Method(name, version(program, "--version"), 0, classify=partial(sintax_names, program))


def make_blast(name: str, training: Split | None, cache: Path | None, threads: int = 0) -> Method:
    """Make the method of megablast; threads as for vsearch."""
    blastn, makeblastdb = (find_program(program, "ncbi-blast+") for program in ("blastn", "makeblastdb"))
    search = partial(megablast_hits, blastn, makeblastdb, threads=threads or torch.get_num_threads())
    return Method(name, version(blastn, "-version"), 0, search=search)


BASELINES: dict[str, Callable[..., Method]] = {"vsearch": make_vsearch, "sintax": make_sintax, "blast": make_blast}
