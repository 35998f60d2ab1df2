"""Turns of several ways on the same sequences in; rates, ratios to the plain way, memory and fidelity of each out.

Utilisation divides by the best rate of matrix products that was measured in this run, since there is no data sheet for
a virtual core.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.benchmark import Timer

from benchmarks.methods.method import paired_cosines
from benchmarks.report.speed_tables import PLAIN
from benchmarks.speed.workloads import Sample

SQUARE = {"cpu": 2048, "cuda": 8192}  # rows of the matrices that show a machine's rate
DTYPE = {"cpu": torch.float32, "cuda": torch.bfloat16}

Passes = Mapping[str, Sequence[Mapping[str, Any]]]  # way -> what measure_pass gave in each round


def summarise(passes: Passes, sample: Sample, matmul_flops: float) -> dict[str, dict[str, Any]]:
    """Rates, ratios, memory and fidelity of each way on one sample, on a machine of so many FLOP/s.

    >>> unit = {"times": 1, "busy_seconds": 1.0, "peak_memory_mb": 9.0, "added_memory_mb": 1.0}
    >>> slow, fast = ([unit | {"seconds": s, "vectors": np.eye(2)}] for s in (4.0, 2.0))
    >>> cells = summarise({"plain": slow, "fast": fast}, Sample("660 bp", ["A", "C"], 2, 6, 100), 200.0)
    >>> {key: cells["fast"][key] for key in ("sequences_per_second", "tokens_per_second", "utilisation", "ratio")}
    {'sequences_per_second': 1.0, 'tokens_per_second': 3.0, 'utilisation': 0.25, 'ratio': 2.0}
    """
    count, cells = len(sample.sequences), {}
    rates = {arm: [done["times"] * count / done["seconds"] for done in rounds] for arm, rounds in passes.items()}
    for arm, rounds in passes.items():
        rate = statistics.median(rates[arm])
        cells[arm] = {
            "sequences_per_second": significant(rate),
            "tokens_per_second": significant(rate * sample.tokens / count),
            "bp_per_second": significant(rate * sample.bp / count),
            "utilisation": round(rate * sample.flops / count / matmul_flops, 4),
            "busy": round(sum(done["busy_seconds"] for done in rounds) / sum(done["seconds"] for done in rounds), 4),
            **{key: max(done[key] for done in rounds) for key in rounds[0] if key.endswith("_mb")},
        }
        if PLAIN in passes:
            ratios = [own / plain for own, plain in zip(rates[arm], rates[PLAIN], strict=True)]
            cells[arm]["ratio"] = round(statistics.median(ratios), 3)
            cells[arm] |= fidelity(rounds[-1]["vectors"], passes[PLAIN][-1]["vectors"])
    return cells


def significant(number: float) -> float:
    """Round to four significant digits.

    >>> significant(1234.567), significant(0.0123456)
    (1235.0, 0.01235)
    """
    return float(f"{number:.4g}")


def fidelity(vectors: np.ndarray, plain: np.ndarray) -> dict[str, float]:
    """Cosines of vectors (n, d) with those of `plain`, row by row."""
    rows = np.arange(len(plain))
    cosines = paired_cosines(vectors, plain, rows)
    centred = paired_cosines(vectors - plain.mean(0), plain - plain.mean(0), rows) if len(plain) > 1 else cosines
    return {
        "cosine_min": round(float(cosines.min()), 6),
        "centred_cosine_min": round(float(centred.min()), 6),
    }


def matmul_rate(device: str, seconds: float = 2.0) -> float:
    """FLOP/s of a product of two square matrices, the best that was seen within this many seconds."""
    side = SQUARE[device]
    left, right = (torch.randn(side, side, device=device, dtype=DTYPE[device]) for _ in range(2))
    return 2 * side**3 / best_seconds("left @ right", seconds, left=left, right=right)


def best_seconds(statement: str, seconds: float, **names: Any) -> float:
    """Run a statement repeatedly for this many seconds: the shortest time it took, on CUDA until its work is done."""
    timer = Timer(statement, globals=names, num_threads=torch.get_num_threads())
    return min(timer.blocked_autorange(min_run_time=seconds).times)
