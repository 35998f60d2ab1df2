"""What embedding is measured on: lengths and a labelled file in; sequences and their tokens out.

- One length: random bases in the proportions of `simulate.FREQUENCIES`.
- Mixed lengths: those of the file. Its sequences are sorted by length, and blocks of neighbours are drawn at even
  distances. Such a sample is as hard to batch as the whole file; single sequences would need far more padding.

The number of sequences follows from their FLOPs and the machine's rate, so that a pass takes about as long as asked.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.data.simulate import BASES, FREQUENCIES
from benchmarks.speed.arms import BATCH
from modeling_dnacse import DnacseConfig
from modeling_dnacse.machine.flops import encoder_flops

MOST = 50_000  # sequences a pass
MIXED_BLOCKS = 4  # at least
EXPECTED_UTILISATION = 0.25  # of the plain way, roughly
# bp of a block, which is a batch of the plain way: 20 x 10 kb would take 20 GB of memory and minutes on a CPU
BLOCK_BP = {"cpu": 20_000, "cuda": 200_000}


class Workload(NamedTuple):
    """Where sequences come from."""

    name: str
    block: int  # sequences are drawn in multiples of it
    least: int  # blocks
    draw: Callable[[int], list[str]]  # how many


class Sample(NamedTuple):
    """Sequences to embed."""

    workload: str
    sequences: list[str]
    bp: int
    tokens: int
    flops: int  # of the encoder, padding not counted


def plan_workloads(lengths: Sequence[int], mixed: Sequence[str], source: str, device: str) -> list[Workload]:
    """Plan one workload a length, in bp, and that of mixed lengths; `source` says where those are from."""
    workloads = [
        Workload(f"{bp:,} bp", max(1, min(BATCH, BLOCK_BP[device] // bp)), 1, partial(random_sequences, bp))
        for bp in sorted(lengths)
    ]
    return [*workloads, Workload(f"mixed, {source}", BATCH, MIXED_BLOCKS, partial(draw_blocks, mixed))]


def random_sequences(bp: int, count: int, seed: int = 0) -> list[str]:
    """Make sequences of random bases.

    >>> random_sequences(8, 2)
    ['TAAATTGT', 'GTTATATA']
    """
    codes = np.random.default_rng(seed).choice(4, size=(count, bp), p=FREQUENCIES)
    return [BASES[row].tobytes().decode() for row in codes]


def draw_blocks(sequences: Sequence[str], count: int, block: int = BATCH, seed: int = 0) -> list[str]:
    """Draw blocks of neighbours in length at even distances, in random order; all sequences where there are few.

    >>> sorted(draw_blocks(["A" * length for length in range(1, 11)], count=4, block=2), key=len)
    ['AAA', 'AAAA', 'AAAAAAA', 'AAAAAAAA']
    """
    ordered = sorted(sequences, key=len)
    blocks = count // block
    if blocks * block < len(ordered):
        room = len(ordered) - blocks * block  # shared by the gaps before, between and behind the blocks
        starts = [number * block + room * (number + 1) // (blocks + 1) for number in range(blocks)]
        ordered = [sequence for start in starts for sequence in ordered[start : start + block]]
    return [ordered[row] for row in np.random.default_rng(seed).permutation(len(ordered))]


def draw_sample(workload: Workload, tokenizer: Any, config: DnacseConfig, rate: float, seconds: float) -> Sample:
    """Draw as many sequences as take about so many seconds the plain way on a machine of `rate` FLOP/s."""
    probe = measure_sample(workload.name, workload.draw(workload.block), tokenizer, config)
    affordable = seconds * EXPECTED_UTILISATION * rate / probe.flops  # blocks
    blocks = max(workload.least, min(int(affordable), MOST // workload.block))
    return measure_sample(workload.name, workload.draw(blocks * workload.block), tokenizer, config)


def draw_long(tokens: int, tokenizer: Any, config: DnacseConfig) -> Sample:
    """Make one sequence of about so many tokens."""
    (whole,) = random_sequences(10 * tokens, 1)
    bp = tokens * len(whole) // count_tokens([whole], tokenizer)[0]
    return measure_sample(f"{tokens:,} tokens", [whole[:bp]], tokenizer, config)


def measure_sample(name: str, sequences: list[str], tokenizer: Any, config: DnacseConfig) -> Sample:
    """Count bp, tokens and FLOPs."""
    tokens = count_tokens(sequences, tokenizer)
    return Sample(name, sequences, sum(map(len, sequences)), sum(tokens), encoder_flops(config, tokens))


def count_tokens(sequences: Sequence[str], tokenizer: Any) -> list[int]:
    """Tokens of each sequence, special ones included."""
    options = {"return_attention_mask": False, "return_token_type_ids": False}
    return [len(ids) for ids in tokenizer(list(sequences), **options)["input_ids"]]
