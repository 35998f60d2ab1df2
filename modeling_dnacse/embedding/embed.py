"""Sequences in, vectors out: any number of sequences, of any length, in input order, in constant memory.

- Sequences are read in blocks. One block is tokenised while the model processes the block before it (token_blocks.py).
- A block is sorted by length and cut into batches by their number of tokens, padding included. So there is little
  padding, and all batches cost about the same (batching.py).
- Vectors stay on the device until their block is complete.

ALiBi sets no limit to the length of a sequence, but attention over one sequence must fit into memory. Depending on the
implementation (attention.py), memory grows with the length or with its square; time always grows with the square.
`window_tokens` bounds both (windows.py): the model then sees one window at a time.

With `dtype`, the cosine between a vector and its float32 version is above 0.9999 (bfloat16) or 0.99999 (float16); the
tests check both. For the shipped model it is within 1e-5 of 1 (commands/options.py, LEAST_COSINES).

On CUDA, a model that was loaded in bfloat16 (`dtype` None) is faster than a float32 model under autocast (`dtype`
bfloat16), and less exact.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from .batching import SITE_TOKENS, compute_in_batches, find_batch_tokens
from .options import EmbedKeywords, EmbedOptions
from .token_blocks import prefetch, read_blocks, tokenise_block
from .tokenization import Ids
from .windows import Windows

BLOCK_SEQUENCES = 4096  # sequences in a block, at most
BLOCK_BASES = 2**23  # bases in a block, at most: a tokenizer needs about 100 bytes for each


def embed(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    sequences: Sequence[str],
    *,
    progress: bool = False,
    **options: Unpack[EmbedKeywords],
) -> np.ndarray:
    """Embed sequences: float32 (n, dimensions), row i for sequence i. A vector does not depend on its batch.

    Args:
        model: a DnacseModel, or any encoder whose output has a `pooler_output`. It is moved to the device.
        tokenizer: the tokenizer of the model. It must frame a sequence with [CLS] and [SEP].
        sequences: DNA in either case. U counts as T, IUPAC ambiguity codes as N, and gaps are removed
            (`clean_sequence`).
        progress: show a progress bar on stderr.
        **options: batch_tokens, device, dtype, normalize, both_strands, window_tokens, overlap_tokens, dimensions;
            `help(modeling_dnacse.EmbedOptions)` explains each.

    Raises:
        ValueError: a sequence is empty, holds an invalid character or does not fit into memory, or
            an option is out of its range.
    """
    chosen = EmbedOptions(**options)
    vectors = np.empty((len(sequences), chosen.vector_width(model)), np.float32)
    row = 0
    with tqdm(total=len(sequences), unit="seq", disable=not progress) as bar:
        for block in embed_blocks(model, tokenizer, sequences, chosen, report=bar.update):
            vectors[row : row + len(block)] = block
            row += len(block)
    return vectors


@torch.inference_mode()
def embed_blocks(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    sequences: Iterable[str],
    options: EmbedOptions,
    report: Callable[[int], object] | None = None,
) -> Iterator[np.ndarray]:
    """Embed a stream of sequences: yields vectors (block, dimensions) in input order, BLOCK_SEQUENCES at most.

    It reads one block ahead. After each batch, `report` is called with the number of sequences that the batch
    completed. Everything else is as in `embed`.
    """
    width = options.vector_width(model)
    device = model.device if options.device is None else torch.device(options.device)
    model.to(device)
    reads_sites = getattr(model.config, "sites", 0) > 0  # the configurations of other encoders have no such field
    found = SITE_TOKENS if reads_sites else find_batch_tokens(device, model.config.hidden_size)
    batch_tokens = options.batch_tokens or found
    tokenise = partial(tokenise_block, Ids(tokenizer), options, options.averages_strands(model))
    pad_id: Any = tokenizer.pad_token_id
    forward = partial(embed_batch, model, pad_id=pad_id, device=device, dtype=options.dtype, pooled_only=reads_sites)
    was_training = model.training
    model.eval()
    try:
        with closing(prefetch(tokenise, read_blocks(sequences, BLOCK_SEQUENCES, BLOCK_BASES))) as blocks:
            for first, rows, windows in blocks:
                vectors = torch.zeros(rows, model.config.hidden_size, device=device)
                batch_tokens = add_windows(vectors, windows, forward, batch_tokens, first, report)
                vectors = vectors[:, :width]
                if options.normalize:
                    vectors = torch.nn.functional.normalize(vectors, dim=1)
                yield vectors.cpu().numpy()
    finally:
        model.train(was_training)


def add_windows(
    vectors: Tensor,
    windows: Windows,
    forward: Callable[[list[np.ndarray]], Tensor],
    batch_tokens: int,
    first: int,
    report: Callable[[int], object] | None,
) -> int:
    """Add the vector of each window, times its share, to its sequence's row of `vectors` (rows, hidden), in place.

    Args:
        vectors: zeros at first, on the device.
        windows: the windows of all sequences of the block.
        forward: maps the token ids of some windows to vectors (windows, hidden) float32, on the device.
        batch_tokens: tokens in a batch.
        first: number of the sequence in row 0, for errors.
        report: called after each batch with the number of sequences that the batch completed.

    Returns:
        `batch_tokens`, or the lower value after memory ran out.
    """
    missing = np.bincount(windows.owners)  # windows of each sequence that are not yet processed

    def compute(batch: np.ndarray) -> None:
        owners = windows.owners[batch]
        states = forward([windows.ids[window] for window in batch])
        shares = on_device(windows.shares[batch], vectors.device)
        vectors.index_add_(0, on_device(owners, vectors.device), states * shares[:, None])
        np.subtract.at(missing, owners, 1)
        if report is not None:
            report(int((missing[np.unique(owners)] == 0).sum()))

    lengths = np.array([len(ids) for ids in windows.ids])
    return compute_in_batches(
        lengths, batch_tokens, compute, lambda window: f"sequence {first + windows.owners[window]}"
    )


def embed_batch(
    model: Any,
    windows: Sequence[np.ndarray],
    *,
    pad_id: int,
    device: torch.device,
    dtype: torch.dtype | None,
    pooled_only: bool,
) -> Tensor:
    """Pad a batch of windows and run the model on it: vectors (windows, hidden) float32, on the device."""
    lengths = np.array([len(ids) for ids in windows])
    mask = np.arange(lengths.max()) < lengths[:, None]  # (windows, longest)
    ids = np.full(mask.shape, pad_id)
    ids[mask] = np.concatenate(windows)
    with torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None):
        inputs = {"input_ids": on_device(ids, device), "attention_mask": on_device(mask.astype(int), device)}
        output = model(**inputs, pooled_only=True) if pooled_only else model(**inputs)
    return output.pooler_output.float()


def on_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Copy an array to the device. Pinned memory lets the copy to CUDA run beside the computation."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
