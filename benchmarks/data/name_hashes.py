"""Names in, pseudo-random numbers out that depend on the name alone.

So splits and draws stay the same when records are added or come in another order.
"""

import hashlib


def position_of(name: str, purpose: str) -> float:
    """Place a name in 0..1, uniformly over names and independently for each purpose.

    >>> 0 <= position_of("Apis mellifera", "unseen_val") < 1
    True
    """
    return int.from_bytes(_digest(name, purpose)[:6]) / 2**48


def seed_of(name: str, seed: int) -> int:
    """Derive the seed of a name's own generator from a run's seed.

    >>> seed_of("GCA_000008145", 0) == seed_of("GCA_000008145", 0) != seed_of("GCA_000008145", 1)
    True
    """
    return int.from_bytes(_digest(name, str(seed))[:8])


def _digest(name: str, purpose: str) -> bytes:
    return hashlib.sha256(f"{purpose}\n{name}".encode()).digest()
