"""Methods of the binners that people use today, found on PATH.

- `metabat2`: MetaBAT2 with its own settings, from tetranucleotide frequencies alone. It is made for samples with
  depths, which our contigs lack. It drops bins of less than 200 kb.

VAMB is no baseline here. It needs depths, and version 5.0.4 needs torch 2.6.0 and numpy 1.26.4, which exclude ours.
Nor is CONCOCT: version 0.4.0, the only one on PyPI, is written in Python 2.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.methods.method import Method, Split
from benchmarks.methods.programs import find_program, rows, run, write_fasta

SEED = 1


def metabat2_bins(program: str, contigs: Sequence[str], threads: int) -> np.ndarray:
    """Bin contigs.

    Args:
        program: Path of metabat2.
        contigs: Upper-case sequences (n,).
        threads: Threads of metabat2.

    Returns:
        Bins (n,) int, -1 for a contig in no bin.

    Raises:
        RuntimeError: metabat2 failed.
    """
    bins = np.full(len(contigs), -1)
    with TemporaryDirectory() as folder:
        fasta, table = Path(folder, "contigs.fa"), Path(folder, "bins")
        if write_fasta(fasta, contigs):
            command = [program, "-i", fasta, "-o", table, "--saveCls", "--noBinOut", "--seed", SEED]
            run([*command, "-t", threads])
        for contig, cluster in rows(table):
            if int(cluster) > 0:
                bins[int(contig)] = int(cluster)
    return bins


def make_metabat2(name: str, training: Split | None, cache: Path | None, threads: int = 0) -> Method:
    """Make the method of MetaBAT2; 0 threads: as many as torch uses.

    It states no version, so its revision is the SHA-256 of the program.
    """
    program = find_program("metabat2", "metabat")
    revision = hashlib.sha256(Path(program).read_bytes()).hexdigest()
    return Method(name, revision, 0, bin=partial(metabat2_bins, program, threads=threads or torch.get_num_threads()))


BASELINES: dict[str, Callable[..., Method]] = {"metabat2": make_metabat2}
