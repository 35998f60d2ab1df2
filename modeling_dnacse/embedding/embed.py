"""Sequences to vectors: any number of them, of any length, in input order, in constant memory.

- A block of sequences is tokenised at once while the model works on the block before (token_blocks.py).
- It is sorted by length and cut into batches of at most so many tokens, padding counted, so little is padded and a
  batch costs about the same whatever the lengths (batching.py).
- Vectors stay on the device until their block is complete.

There is no limit on length: ALiBi has none. But what attention holds for one sequence must fit into memory: it grows
with the length or with its square, as the way of attention has it (attention.py), and time with the square in each.
`window_tokens` bounds both (windows.py); the model then sees no further than a window.

Half precision by `dtype` keeps a vector's cosine with float32 at 0.9999 (bfloat16) or 0.99999 (float16) or more, as
tested; with the shipped model it is within 1e-5 of 1 (200 simulated barcodes, CPU; command_options.LEAST_COSINES).

On CUDA, a model that was loaded in bfloat16 (`dtype` None) is faster than one in float32 under autocast (`dtype`
bfloat16), and less exact.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from ..loading.tokenization import Ids
from .batching import SITE_TOKENS, compute_in_batches, find_batch_tokens
from .token_blocks import one_ahead, read_blocks, tokenise_block
from .windows import Windows, check_windows

WINDOW = 4096  # sequences in a block, at most
BLOCK_BASES = 2**23  # with which a block is full as well: a tokenizer takes some 100 bytes for each


def embed(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    sequences: Sequence[str],
    *,
    batch_tokens: int | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    normalize: bool = False,
    both_strands: bool | None = None,
    window_tokens: int | None = None,
    overlap_tokens: int = 0,
    dimensions: int | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Embed sequences: float32 (n, dimensions), row i for sequence i, whatever the batches were.

    Args:
        model: a DnacseModel (or any encoder whose output has a `pooler_output`). It is moved to `device`.
        tokenizer: the model's, one that frames a sequence with [CLS] and [SEP].
        sequences: DNA, cleaned by the alphabet policy of `sequences.py` (upper-cased, U to T, IUPAC codes to N, gaps
            removed).
        batch_tokens: tokens in a batch, padding included; None: found for the device (batching.py).
        device: where to run; None: where the model is.
        dtype: run under autocast in bfloat16 or float16; None: as the weights are.
        normalize: scale each vector to length 1, after all else.
        both_strands: give the mean of the vectors of a sequence and of its reverse complement, so that both have the
            same. It is the mean of what the model gives, not of unit vectors, as if both strands were one sequence.
            None: as the model's configuration says, and not where it says nothing.
        window_tokens: cut longer sequences into windows of at most so many tokens, [CLS] and [SEP] included, and give
            the mean of their vectors, weighted by their numbers of tokens (windows.py); None: never cut.
        overlap_tokens: tokens that two neighbouring windows share.
        dimensions: keep the first so many numbers of each vector; None: all.
        progress: show a bar on stderr.

    Raises:
        ValueError: a sequence is empty, holds something that is no nucleotide or does not fit into memory, or an
            option is out of its range.
    """
    vectors = np.empty((len(sequences), vector_width(model, dimensions)), np.float32)
    row = 0
    with tqdm(total=len(sequences), unit="seq", disable=not progress) as bar:
        for block in embed_blocks(
            model,
            tokenizer,
            sequences,
            batch_tokens=batch_tokens,
            device=device,
            dtype=dtype,
            normalize=normalize,
            both_strands=both_strands,
            window_tokens=window_tokens,
            overlap_tokens=overlap_tokens,
            dimensions=dimensions,
            report=bar.update,
        ):
            vectors[row : row + len(block)] = block
            row += len(block)
    return vectors


@torch.inference_mode()
def embed_blocks(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    sequences: Iterable[str],
    *,
    batch_tokens: int | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    normalize: bool = False,
    both_strands: bool | None = None,
    window_tokens: int | None = None,
    overlap_tokens: int = 0,
    dimensions: int | None = None,
    report: Callable[[int], object] | None = None,
) -> Iterator[np.ndarray]:
    """Like `embed`, for a stream: yields the vectors of each next block, (at most WINDOW, dimensions), in input order.

    One block more is read than was yielded. `report` is called after each batch with the number of sequences that it
    completed.
    """
    if batch_tokens is not None and batch_tokens < 1:
        raise ValueError(f"batch_tokens is {batch_tokens}; it must be at least 1")
    check_windows(window_tokens, overlap_tokens)
    # the configurations of other encoders have no such field
    merged = getattr(model.config, "both_strands", False) if both_strands is None else both_strands
    width = vector_width(model, dimensions)
    place: torch.device = torch.device(device) if device is not None else model.device
    model.to(place)
    reads_sites = getattr(model.config, "sites", 0) > 0
    budget = batch_tokens or (SITE_TOKENS if reads_sites else find_batch_tokens(place, model.config.hidden_size))
    tokenise = partial(
        tokenise_block,
        Ids(tokenizer),
        both_strands=merged,
        window_tokens=window_tokens,
        overlap_tokens=overlap_tokens,
    )
    pad_id: Any = tokenizer.pad_token_id
    forward = partial(pooled, model, pad_id=pad_id, device=place, dtype=dtype, pooled_only=reads_sites)
    was_training = model.training
    model.eval()
    try:
        with closing(one_ahead(tokenise, read_blocks(sequences, WINDOW, BLOCK_BASES))) as blocks:
            for first, rows, windows in blocks:
                vectors = torch.zeros(rows, model.config.hidden_size, device=place)
                budget = add_windows(vectors, windows, forward, budget, first, report)
                vectors = vectors[:, :width]
                if normalize:
                    vectors = torch.nn.functional.normalize(vectors, dim=1)
                yield vectors.cpu().numpy()
    finally:
        model.train(was_training)


def vector_width(model: Any, dimensions: int | None) -> int:
    """How many numbers a vector has: `dimensions`, or None: all that the model gives.

    Raises:
        ValueError: the model gives fewer.
    """
    hidden_size = model.config.hidden_size
    if dimensions is not None and not 1 <= dimensions <= hidden_size:
        raise ValueError(f"dimensions is {dimensions}; give 1 to {hidden_size}, the width of this model's vectors")
    return hidden_size if dimensions is None else dimensions


def add_windows(
    vectors: Tensor,
    windows: Windows,
    forward: Callable[[list[np.ndarray]], Tensor],
    budget: int,
    first: int,
    report: Callable[[int], object] | None,
) -> int:
    """Add the vector of each window, times its share, to its sequence's row of `vectors` (rows, hidden), in place.

    Args:
        forward: the token ids of a batch's windows to their vectors (windows, hidden) float32, on the device.
        budget: tokens in a batch.
        first: number of the sequence of row 0, for errors.
        report: called after each batch with the number of sequences that it completed.

    Returns:
        The budget that held.
    """
    waiting = np.bincount(windows.owners)  # windows of each sequence that are still to come

    def compute(batch: np.ndarray) -> None:
        owners = windows.owners[batch]
        states = forward([windows.ids[window] for window in batch])
        shares = on_device(windows.shares[batch], vectors.device)
        vectors.index_add_(0, on_device(owners, vectors.device), states * shares[:, None])
        np.subtract.at(waiting, owners, 1)
        if report is not None:
            report(int((waiting[np.unique(owners)] == 0).sum()))

    lengths = np.array([len(ids) for ids in windows.ids])
    return compute_in_batches(lengths, budget, compute, lambda window: f"sequence {first + windows.owners[window]}")


def pooled(
    model: Any,
    windows: Sequence[np.ndarray],
    *,
    pad_id: int,
    device: torch.device,
    dtype: torch.dtype | None,
    pooled_only: bool,
) -> Tensor:
    """Pad a batch and run the model on it: (windows, hidden) float32, on the device."""
    lengths = np.array([len(ids) for ids in windows])
    mask = np.arange(lengths.max()) < lengths[:, None]  # (windows, longest)
    ids = np.full(mask.shape, pad_id)
    ids[mask] = np.concatenate(windows)
    with torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None):
        inputs = {"input_ids": on_device(ids, device), "attention_mask": on_device(mask.astype(int), device)}
        output = model(**inputs, pooled_only=True) if pooled_only else model(**inputs)
    return output.pooler_output.float()


def on_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Copy to the device; to CUDA from pinned memory, so that nothing waits for the copy."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
