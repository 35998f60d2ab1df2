"""Contrastive batches larger than memory: the gradient of a loss over all rows, computed one chunk of rows at a time.

GradCache (Gao et al. 2021): (1) encode every chunk without a graph; (2) compute the loss of all representations and
its gradient with respect to each of them; (3) encode every chunk again, now with a graph, and backpropagate that
gradient. Step 3 restores the random state in which step 1 encoded the chunk, so dropout and noise are the same, and
the gradient equals that of a single pass. The price is one more forward pass. Memory holds the activations of one
chunk and the small matrices of representations and similarities, whatever the size of the batch.

A training step is therefore a list of *terms*: functions that return a scalar with a graph. Their gradients add up to
the gradient of the loss, and their values to its value. `backward_but_last` backpropagates all terms but the last.
Only the backward pass of the last term synchronises the processes, and the Trainer does that one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor

Term = Callable[[], Tensor]
RandomState = tuple[Tensor, Tensor | None]


def cached_terms(forwards: Sequence[Callable[[], Tensor]], loss_of: Callable[[list[Tensor]], Tensor]) -> list[Term]:
    """Encode every chunk without a graph, and return the terms of the loss, one for each chunk.

    Args:
        forwards: each encodes a chunk to (rows, d), with randomness from torch's global generators only.
        loss_of: computes the loss of the representations of all chunks.
    """
    states, representations = [], []
    with torch.no_grad():
        for forward in forwards:
            states.append(random_state())
            representations.append(forward())
    leaves = [representation.requires_grad_() for representation in representations]
    loss = loss_of(leaves)
    gradients = torch.autograd.grad(loss, leaves)
    values = [loss.detach()] + [torch.zeros_like(loss)] * (len(forwards) - 1)

    def term(forward: Callable[[], Tensor], state: RandomState, gradient: Tensor, value: Tensor) -> Tensor:
        with replaying(state):
            surrogate = (forward() * gradient).sum()
        return surrogate - surrogate.detach() + value

    parts = zip(forwards, states, gradients, values, strict=True)
    return [lambda part=part: term(*part) for part in parts]


def backward_but_last(
    terms: Sequence[Term],
    backward: Callable[[Tensor], None],
    no_sync: Callable[[], AbstractContextManager],
) -> Tensor:
    """Backpropagate every term but the last; return the sum of all values, with the graph of the last term.

    Args:
        terms: the terms of the loss.
        backward: backpropagates a term, scaled as the Trainer scales its loss.
        no_sync: makes a context in which a backward pass does not synchronise the processes.
    """
    total: Tensor | float = 0.0
    for term in terms[:-1]:
        with no_sync():  # around the forward pass too, where DistributedDataParallel decides
            value = term()
            backward(value)
        total = total + value.detach()
    return terms[-1]() + total


def random_state() -> RandomState:
    """The state of torch's global generators: of the CPU and, if CUDA is in use, of the current CUDA device."""
    return torch.get_rng_state(), torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None


def set_random_state(state: RandomState) -> None:
    """Restore the state of torch's global generators."""
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1])


@contextmanager
def replaying(state: RandomState) -> Iterator[None]:
    """Run with the random numbers that followed `state`, then restore the present state."""
    now = random_state()
    set_random_state(state)
    try:
        yield
    finally:
        set_random_state(now)
