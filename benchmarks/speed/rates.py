"""Turns of several ways on the same sequences in; rates, ratios to the plain way, memory and fidelity of each out.

Utilisation divides by the best rate at which the machine was ever seen to multiply matrices in the same run, since no
data sheet tells what a virtual core gives.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.methods.method import paired_cosines
from benchmarks.report.speed_tables import PLAIN
from benchmarks.speed.workloads import Sample

SQUARE = {"cpu": 2048, "cuda": 8192}  # rows of the matrices that show a machine's rate
DTYPE = {"cpu": torch.float32, "cuda": torch.bfloat16}

Passes = Mapping[str, Sequence[Mapping[str, Any]]]  # way -> what measure_pass gave in each round


def summarise(passes: Passes, sample: Sample) -> dict[str, dict[str, Any]]:
    """Rates, ratios, memory and fidelity of each way on one sample.

    >>> unit = {"times": 1, "busy_seconds": 1.0, "peak_memory_mb": 9.0, "added_memory_mb": 1.0}
    >>> slow, fast = ([unit | {"seconds": s, "vectors": np.eye(2)}] for s in (4.0, 2.0))
    >>> cells = summarise({"plain": slow, "fast": fast}, Sample("660 bp", ["A", "C"], 2, 6, 100))
    >>> {key: cells["fast"][key] for key in ("sequences_per_second", "tokens_per_second", "ratio", "busy")}
    {'sequences_per_second': 1.0, 'tokens_per_second': 3.0, 'ratio': 2.0, 'busy': 0.5}
    """
    count, cells = len(sample.sequences), {}
    rates = {arm: [done["times"] * count / done["seconds"] for done in rounds] for arm, rounds in passes.items()}
    for arm, rounds in passes.items():
        rate = statistics.median(rates[arm])
        cells[arm] = {
            "sequences_per_second": significant(rate),
            "tokens_per_second": significant(rate * sample.tokens / count),
            "bp_per_second": significant(rate * sample.bp / count),
            "flops_per_second": significant(rate * sample.flops / count),
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


def add_utilisation(models: Mapping[str, Mapping[str, Any]], rate: float) -> None:
    """Add to each way's figures the share of a machine's FLOP/s that it reached.

    >>> cell = {"flops_per_second": 5.0}
    >>> add_utilisation({"mini": {"660 bp": {"arms": {"plain": cell}}}}, 20.0)
    >>> cell["utilisation"]
    0.25
    """
    for workloads in models.values():
        for workload in workloads.values():
            for cell in workload["arms"].values():
                cell["utilisation"] = round(cell["flops_per_second"] / rate, 4)


def matmul_rate(side: int, device: str, seconds: float = 0.3) -> float:
    """Multiply two square matrices again and again for so many seconds: the FLOP/s of the fastest time."""
    left, right = (torch.randn(side, side, device=device, dtype=DTYPE[device]) for _ in range(2))
    best, until = 0.0, time.perf_counter() + seconds
    while not best or time.perf_counter() < until:
        wait(device)
        start = time.perf_counter()
        torch.matmul(left, right)
        wait(device)
        best = max(best, 2 * side**3 / (time.perf_counter() - start))
    return best


def wait(device: str) -> None:
    """Wait until all that was asked for is done."""
    if device == "cuda":
        torch.cuda.synchronize()
