"""The sequences that embedding is measured on: lengths and a labelled file in; samples with their sizes out.

- One length: random bases in the proportions of `simulate.FREQUENCIES`.
- Mixed lengths: those of the file. Its sequences are sorted by length, and blocks of neighbours are drawn at even
  distances. Such a sample is as hard to batch as the whole file; single sequences would need far more padding.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.data.simulate import BASES, FREQUENCIES
from modeling_dnacse import DnacseConfig
from modeling_dnacse.embedding.flops import encoder_flops

BATCH = 20  # sequences of a batch of the plain way, DNABERT-S's
MIXED_BLOCKS = 4  # at least


class Sample(NamedTuple):
    """Sequences to embed."""

    workload: str
    sequences: list[str]
    bp: int
    tokens: int  # special ones included
    flops: int  # of the encoder, padding not counted


def draw_samples(lengths: Sequence[int], mixed: Sequence[str], pass_bp: int) -> dict[str, list[str]]:
    """Draw sequences of each length and of mixed lengths, about `pass_bp` bases each: workload -> sequences.

    >>> {name: len(sequences) for name, sequences in draw_samples([200, 9000], ["ACGT" * 100] * 500, 5000).items()}
    {'200 bp': 25, '9,000 bp': 1, 'mixed': 80}
    """
    samples = {f"{bp:,} bp": random_sequences(bp, max(1, pass_bp // bp)) for bp in sorted(lengths)}
    blocks = pass_bp * len(mixed) // sum(map(len, mixed)) // BATCH
    return samples | {"mixed": draw_blocks(mixed, max(MIXED_BLOCKS, blocks))}


def random_sequences(bp: int, count: int, seed: int = 0) -> list[str]:
    """Make sequences of random bases.

    >>> random_sequences(8, 2)
    ['TAAATTGT', 'GTTATATA']
    """
    codes = np.random.default_rng(seed).choice(4, size=(count, bp), p=FREQUENCIES)
    return [BASES[row].tobytes().decode() for row in codes]


def draw_blocks(sequences: Sequence[str], blocks: int, size: int = BATCH, seed: int = 0) -> list[str]:
    """Draw blocks of neighbours in length at even distances, in random order; all sequences where there are few.

    >>> sorted(draw_blocks(["A" * length for length in range(1, 11)], blocks=2, size=2), key=len)
    ['AA', 'AAA', 'AAAAAAA', 'AAAAAAAA']
    """
    ordered = sorted(sequences, key=len)
    parts = np.array_split(np.arange(len(ordered)), blocks)
    rows = np.concatenate([part[max(0, len(part) - size) // 2 :][:size] for part in parts])
    return [ordered[row] for row in np.random.default_rng(seed).permutation(rows)]


def long_sequence(tokens: int, tokenizer: Any) -> str:
    """Make a sequence of about this many tokens."""
    (whole,) = random_sequences(10 * tokens, 1)
    return whole[: tokens * len(whole) // count_tokens([whole], tokenizer)[0]]


def measure_sample(workload: str, sequences: list[str], tokenizer: Any, config: DnacseConfig) -> Sample:
    """Count bp, tokens and FLOPs."""
    tokens = count_tokens(sequences, tokenizer)
    return Sample(workload, sequences, sum(map(len, sequences)), sum(tokens), encoder_flops(config, tokens))


def count_tokens(sequences: Sequence[str], tokenizer: Any) -> list[int]:
    """Tokens of each sequence, special ones included."""
    options = {"return_attention_mask": False, "return_token_type_ids": False}
    return [len(ids) for ids in tokenizer(list(sequences), **options)["input_ids"]]
