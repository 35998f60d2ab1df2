"""Sequences to vectors: any number of them, in input order, in constant memory.

A bounded window of sequences is tokenised at once, sorted by length and cut into batches of at most `batch_tokens`
tokens, padding counted, so little is padded and a batch costs about the same whatever the lengths. Only pooled vectors
leave the model. A sequence longer than `batch_tokens` is a batch of its own: ALiBi has no length limit, but the memory
of attention grows with the square of the length (about 12 heads x 4 bytes x tokens² for a base-size model: 1.2 GB at
5,000 tokens, or 23 kb).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from .sequences import clean_sequence

WINDOW = 4096  # sequences sorted by length together
BATCH_TOKENS = 8192


def embed(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    sequences: Sequence[str],
    *,
    batch_tokens: int = BATCH_TOKENS,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    normalize: bool = False,
    progress: bool = False,
) -> np.ndarray:
    """Embed sequences: float32 (n, hidden), row i for sequence i, whatever the batches were.

    Args:
        model: a DnacseModel (or any encoder whose output has a `pooler_output`). It is moved to `device`.
        sequences: DNA, cleaned by the alphabet policy of `sequences.py` (upper-cased, U to T, IUPAC codes to N, gaps
            removed).
        batch_tokens: tokens in a batch, padding included.
        device: where to run; None: where the model is.
        dtype: run under autocast in bfloat16 or float16; None: as the weights are.
        normalize: scale each vector to length 1.
        progress: show a bar on stderr.

    Raises:
        ValueError: a sequence is empty or holds something that is no nucleotide, or `batch_tokens` is not positive.
    """
    with tqdm(total=len(sequences), unit="seq", disable=not progress) as bar:
        blocks = embed_blocks(
            model,
            tokenizer,
            sequences,
            batch_tokens=batch_tokens,
            device=device,
            dtype=dtype,
            normalize=normalize,
            report=bar.update,
        )
        return np.concatenate([np.zeros((0, model.config.hidden_size), np.float32), *blocks])


@torch.inference_mode()
def embed_blocks(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    sequences: Iterable[str],
    *,
    batch_tokens: int = BATCH_TOKENS,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    normalize: bool = False,
    report: Callable[[int], object] | None = None,
) -> Iterator[np.ndarray]:
    """Like `embed`, for a stream: yields the vectors of each next window, (at most WINDOW, hidden), in input order.

    `report` is called after each batch with the number of sequences in it.
    """
    if batch_tokens < 1:
        raise ValueError(f"batch_tokens is {batch_tokens}; it must be at least 1")
    place: torch.device = torch.device(device) if device is not None else model.device
    model.to(place)
    was_training = model.training
    model.eval()
    try:
        remaining = iter(sequences)
        first = 0
        while window := list(islice(remaining, WINDOW)):
            ids = token_ids(tokenizer, window, first)
            vectors = np.empty((len(window), model.config.hidden_size), np.float32)
            for rows in batches_by_length([len(tokens) for tokens in ids], batch_tokens):
                batch = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt").to(place)
                with torch.autocast(place.type, dtype or torch.bfloat16, enabled=dtype is not None):
                    pooled = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).pooler_output
                pooled = pooled.float()
                if normalize:
                    pooled = torch.nn.functional.normalize(pooled, dim=1)
                vectors[rows] = pooled.cpu().numpy()
                if report is not None:
                    report(len(rows))
            first += len(window)
            yield vectors
    finally:
        model.train(was_training)


def token_ids(tokenizer: PreTrainedTokenizerBase, sequences: Sequence[str], first: int) -> list[list[int]]:
    """Clean and tokenise sequences, the number `first` and the following of the input.

    Raises:
        ValueError: one is empty or is not DNA; the message names its number.
    """
    cleaned = []
    for number, sequence in enumerate(sequences, start=first):
        try:
            cleaned.append(clean_sequence(sequence))
        except ValueError as error:
            raise ValueError(f"sequence {number}: {error}") from None
        if not cleaned[-1]:
            raise ValueError(f"sequence {number} is empty; leave it out")
    return tokenizer(cleaned, truncation=False, return_attention_mask=False, return_token_type_ids=False)["input_ids"]


def batches_by_length(lengths: Sequence[int], batch_tokens: int) -> Iterator[np.ndarray]:
    """Rows grouped from the longest to the shortest, each batch at most `batch_tokens` once padded, one row at least.

    >>> [rows.tolist() for rows in batches_by_length([2, 9, 3, 3], batch_tokens=6)]
    [[1], [2, 3], [0]]
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    while len(order):
        count = max(1, batch_tokens // lengths[order[0]])
        yield order[:count]
        order = order[count:]
