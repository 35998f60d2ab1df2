"""Batches with a limit on their number of tokens, and smaller ones where memory runs out.

The size of a batch is its number of tokens, padding included, since time and memory grow with it. On a CPU the limit
is a constant. On CUDA it is half of what fits into the free memory, up to the size beyond which matrix products gain
nothing. This is a guess: if a batch does not fit into memory, it is halved, and the lower limit applies from then on.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

CPU_TOKENS = 2048  # as fast as any smaller batch, for mini and base models; 8192 take up to a quarter longer
SITE_TOKENS = 2**16  # for a model with sites: one token a base and no states, some 100 barcodes
CUDA_TOKENS = 131_072
STATE_BYTES = 80  # memory of a layer for one token and one unit of width: 20 numbers in float32

# Each runtime raises its own exception, with one of these phrases: PyTorch on CPU, CUDA and MPS, cuBLAS, ONNX Runtime
OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "STATUS_ALLOC_FAILED", "Failed to allocate memory")


def find_batch_tokens(device: torch.device, hidden_size: int) -> int:
    """The number of tokens in a batch on a device that already holds the model.

    >>> find_batch_tokens(torch.device("cpu"), hidden_size=768)
    2048
    """
    if device.type != "cuda":
        return CPU_TOKENS
    free, _ = torch.cuda.mem_get_info(device)
    return max(CPU_TOKENS, min(CUDA_TOKENS, free // 2 // (STATE_BYTES * hidden_size)))


def batches_by_length(lengths: Sequence[int] | np.ndarray, batch_tokens: int) -> Iterator[np.ndarray]:
    """Group rows from the longest to the shortest; a padded batch holds at most `batch_tokens`, or a single row.

    >>> [rows.tolist() for rows in batches_by_length([2, 9, 3, 3], batch_tokens=6)]
    [[1], [2, 3], [0]]
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    while len(order):
        count = max(1, batch_tokens // int(lengths[order[0]]))
        yield order[:count]
        order = order[count:]


def compute_in_batches(
    lengths: np.ndarray, batch_tokens: int, compute: Callable[[np.ndarray], None], name: Callable[[int], str]
) -> int:
    """Call `compute` on batches of rows until all rows are done; halve a batch if memory runs out.

    Args:
        lengths: tokens of each row (rows,).
        batch_tokens: tokens in the first batches.
        compute: called with the rows of a batch, the longest first.
        name: gives the name of a row in an error.

    Returns:
        `batch_tokens`, or what it was lowered to.

    Raises:
        ValueError: a single row does not fit into memory.
    """
    batches = deque(batches_by_length(lengths, batch_tokens))
    while batches:
        rows = batches.popleft()
        longest = int(lengths[rows[0]])
        if fits_memory(compute, rows):
            continue
        if len(rows) == 1:
            raise ValueError(
                f"{name(int(rows[0]))}, {longest:,} tokens at once, does not fit into memory; cut long sequences into "
                "windows, such as window_tokens=512 (--window_tokens 512)"
            )
        batch_tokens = len(rows) // 2 * longest
        remaining = np.concatenate([rows, *batches])  # still from the longest to the shortest
        batches = deque(remaining[batch] for batch in batches_by_length(lengths[remaining], batch_tokens))
    return batch_tokens


def fits_memory(compute: Callable[[np.ndarray], None], rows: np.ndarray) -> bool:
    """Compute a batch and return whether memory sufficed.

    The error is dropped on return, not handled by the caller: while it lives, it holds the tensors of the batch.
    """
    try:
        compute(rows)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means that memory ran out.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or any(phrase in str(error) for phrase in OUT_OF_MEMORY)
