"""Batches by token budget: how large they may be, and smaller ones where memory runs out.

A batch is counted in tokens, padding included, since this is what computing and memory grow with. The budget on a CPU
is a constant; on CUDA it is what fits twice into the free memory, up to a size at which matrix products gain nothing
more. It is a guess: a batch that memory runs out on is halved, and the smaller budget holds from then on.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

CPU_TOKENS = 2048  # or fewer is fastest for a mini and for a base-size model; 8192 take up to a quarter longer
SITE_TOKENS = 2**16  # of a model with sites, one a base and without states: some 100 barcodes
CUDA_TOKENS = 131_072
STATE_BYTES = 80  # of one token and one unit of width, all that a layer holds at once: 20 numbers in float32

# What devices and runtimes say, each in an exception of its own: PyTorch on CPU, CUDA and MPS, cuBLAS, ONNX Runtime
OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "STATUS_ALLOC_FAILED", "Failed to allocate memory")


def find_batch_tokens(device: torch.device, hidden_size: int) -> int:
    """How many tokens a batch may hold on a device where the model already is.

    >>> find_batch_tokens(torch.device("cpu"), hidden_size=768)
    2048
    """
    if device.type != "cuda":
        return CPU_TOKENS
    free, _ = torch.cuda.mem_get_info(device)
    return max(CPU_TOKENS, min(CUDA_TOKENS, free // 2 // (STATE_BYTES * hidden_size)))


def batches_by_length(lengths: Sequence[int] | np.ndarray, batch_tokens: int) -> Iterator[np.ndarray]:
    """Rows grouped from the longest to the shortest, each batch at most `batch_tokens` once padded, one row at least.

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
    """Call `compute` on batches of rows until each row was in one; a batch that memory runs out on is halved.

    Args:
        lengths: (rows,) tokens of each row.
        batch_tokens: the budget to begin with.
        compute: called with the rows of a batch, the longest first.
        name: what to call a row in an error.

    Returns:
        The budget that held.

    Raises:
        ValueError: a row does not fit into memory alone.
    """
    batches = deque(batches_by_length(lengths, batch_tokens))
    while batches:
        rows = batches.popleft()
        longest = int(lengths[rows[0]])
        if computed(compute, rows):
            continue
        if len(rows) == 1:
            raise ValueError(
                f"{name(int(rows[0]))}, {longest:,} tokens at once, does not fit into memory; cut long sequences into "
                "windows, such as window_tokens=512 (--window_tokens 512)"
            )
        batch_tokens = len(rows) // 2 * longest
        left = np.concatenate([rows, *batches])  # the longest is still the first
        batches = deque(left[batch] for batch in batches_by_length(lengths[left], batch_tokens))
    return batch_tokens


def computed(compute: Callable[[np.ndarray], None], rows: np.ndarray) -> bool:
    """Whether memory sufficed to compute a batch; on return the error is gone, and with it the tensors it held."""
    try:
        compute(rows)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error tells that memory ran out.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or any(words in str(error) for words in OUT_OF_MEMORY)
