"""Contrastive batches larger than memory: the gradient of a loss over all rows, computed a chunk of rows at a time.

GradCache (Gao et al. 2021): (1) every chunk is encoded without a graph; (2) the loss over all representations gives
the gradient of each; (3) every chunk is encoded again, now with a graph, and that gradient is sent back through it.
Step 3 starts from the random state in which step 1 encoded the chunk, so dropout and noise fall the same and the
gradient equals the one of a single pass, for one more forward. Memory holds one chunk's activations and the small
matrices of representations and similarities, whatever the size of the batch.

A step of training is thus a list of *terms*: functions that return a scalar with a graph, whose gradients add up to
that of the loss and whose values to its value. `backward_but_last` goes through them; only the last term's backward
synchronises the processes, and that one is left to the Trainer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor

Term = Callable[[], Tensor]
RandomState = tuple[Tensor, Tensor | None]


def cached_terms(forwards: Sequence[Callable[[], Tensor]], loss_of: Callable[[list[Tensor]], Tensor]) -> list[Term]:
    """Encode every chunk without a graph and return the terms of the loss, one a chunk.

    Args:
        forwards: each encodes a chunk, (rows, d), drawing from torch's global random state only.
        loss_of: the loss of all chunks' representations.
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
    """Send back every term but the last; return the sum of all values, with the last term's graph.

    Args:
        backward: adds the gradient of a term to the parameters, scaled as the Trainer scales its loss.
        no_sync: the context in which a backward does not synchronise processes.
    """
    total: Tensor | float = 0.0
    for term in terms[:-1]:
        with no_sync():  # around the forward too: DistributedDataParallel decides there
            value = term()
            backward(value)
        total = total + value.detach()
    return terms[-1]() + total


def random_state() -> RandomState:
    """The state of torch's generators: of the CPU, and of the current CUDA device where CUDA is in use."""
    return torch.get_rng_state(), torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None


def set_random_state(state: RandomState) -> None:
    """Put the generators into a state."""
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1])


@contextmanager
def replaying(state: RandomState) -> Iterator[None]:
    """Run with the random numbers that followed `state`, then go on as if nothing had been drawn."""
    now = random_state()
    set_random_state(state)
    try:
        yield
    finally:
        set_random_state(now)
