"""Sequences in, blocks of token ids out; the next block is tokenised while the caller uses the current one.

One thread tokenises. Processes would gain nothing: the tokenizer is written in Rust, releases Python's lock and uses
all cores itself. Memory holds at most two blocks of ids and the sequences of one more. The sequences are read in the
caller's thread, so a generator of sequences need not be thread-safe.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ..reading.sequences import clean_sequence, reverse_complement
from .options import EmbedOptions
from .windows import Windows, cut_windows

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_blocks(sequences: Iterable[str], rows: int, bases: int) -> Iterator[tuple[int, list[str]]]:
    """Yield blocks of sequences, each with the number of its first sequence; a block is read when it is needed.

    A block ends after `rows` sequences, or after the sequence that takes it to `bases`.

    >>> list(read_blocks(["AC", "G", "TTTT", "A"], rows=2, bases=4))
    [(0, ['AC', 'G']), (2, ['TTTT']), (3, ['A'])]
    """
    block, size, first = [], 0, 0
    for sequence in sequences:
        block.append(sequence)
        size += len(sequence)
        if len(block) == rows or size >= bases:
            yield first, block
            first += len(block)
            block, size = [], 0
    if block:
        yield first, block


def prefetch(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield function(item) for each item, in order; a thread computes one result ahead of the caller.

    The items are read in the caller's thread, one ahead. Closing the generator ends the thread.

    >>> list(prefetch(abs, [-1, 2]))
    [1, 2]
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenise") as thread:
        pending: list[Future[Result]] = []
        for item in items:
            pending.append(thread.submit(function, item))
            if len(pending) == 2:
                yield pending.pop(0).result()
        for last in pending:
            yield last.result()


def tokenise_block(
    tokenise: Callable[[list[str]], list[np.ndarray]],
    options: EmbedOptions,
    both_strands: bool,
    block: tuple[int, list[str]],
) -> tuple[int, int, Windows]:
    """Clean, tokenise and cut the sequences of a block into windows.

    Args:
        tokenise: such as `Ids` of tokenization.py.
        options: only those of windows are used.
        both_strands: also make the windows of the reverse complement of each sequence.
        block: the number of its first sequence, and its sequences.

    Returns:
        The number of the first sequence, the number of sequences, and their windows.

    Raises:
        ValueError: a sequence is empty or is not DNA; the message gives its number.
    """
    first, sequences = block
    strands = []
    for number, sequence in enumerate(sequences, start=first):
        try:
            strands.append(clean_sequence(sequence))
        except ValueError as error:
            raise ValueError(f"sequence {number}: {error}") from None
        if not strands[-1]:
            raise ValueError(f"sequence {number} is empty; leave it out")
    if both_strands:
        strands += [reverse_complement(strand) for strand in strands]
    windows = cut_windows(tokenise(strands), options.window_tokens, options.overlap_tokens)
    shares = windows.shares * np.float32(len(sequences) / len(strands))
    return first, len(sequences), Windows(windows.ids, windows.owners % len(sequences), shares)
