"""Sequences to blocks of token ids, the next one made while the caller works on this one.

One thread tokenises. A thread and not processes: the tokenizer is Rust that lets go of Python's lock and takes all
cores by itself, and nothing needs to be pickled. At most two blocks of ids are in memory, and the sequences of one
more. The caller's own thread reads its sequences, so that a generator needs to know nothing of threads.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ..reading.sequences import clean_sequence, reverse_complement
from .windows import Windows, cut_windows

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_blocks(sequences: Iterable[str], rows: int, bases: int) -> Iterator[tuple[int, list[str]]]:
    """Each next block of sequences, with the number of its first, read when it is asked for.

    A block is full with `rows` sequences, or with the sequence that takes it to `bases`.

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


def one_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """function(item) for each item, in order; a thread computes the next one while the caller uses this one.

    The items are read in the caller's thread, one more than was yielded. Closing the generator ends the thread.

    >>> list(one_ahead(abs, [-1, 2]))
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
    block: tuple[int, list[str]],
    *,
    both_strands: bool,
    window_tokens: int | None,
    overlap_tokens: int,
) -> tuple[int, int, Windows]:
    """Clean, tokenise and cut a block: the number of its first sequence, how many they are, and their windows.

    Args:
        tokenise: as tokenization.py's Ids.
        block: number of its first sequence, and the sequences.
        both_strands: whether a sequence is its strands' windows.
        window_tokens: the most tokens of a window.
        overlap_tokens: tokens that two windows share.

    Raises:
        ValueError: a sequence is empty or is not DNA; the message names its number.
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
    windows = cut_windows(tokenise(strands), window_tokens, overlap_tokens)
    shares = windows.shares * np.float32(len(sequences) / len(strands))
    return first, len(sequences), Windows(windows.ids, windows.owners % len(sequences), shares)
