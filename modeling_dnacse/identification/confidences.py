"""The option --confidence in; the least probability of a call at each rank out."""

from collections.abc import Mapping, Sequence

import numpy as np

Confidence = float | Mapping[str, float]  # for all ranks, or by rank; other ranks get DEFAULT
DEFAULT = 0.95


def parse_confidence(text: str) -> Confidence:
    """Read --confidence: a number, numbers by rank, or both; then the number is for all other ranks.

    >>> parse_confidence("0.9"), parse_confidence("species=0.95,genus=0.8")
    (0.9, {'species': 0.95, 'genus': 0.8})

    Raises:
        ValueError: it is neither, or gives a rank two numbers.
    """
    values: dict[str, float] = {}
    for part in text.split(","):
        rank, _, number = part.rpartition("=")
        if (rank := rank.strip().lower()) in values:
            raise ValueError(f"--confidence is {text!r}, which gives {rank or 'all ranks'} two numbers; give one")
        try:
            values[rank] = float(number)
        except ValueError:
            raise ValueError(
                f"--confidence is {text!r}; it must be a number such as 0.95, or numbers by rank such as "
                "species=0.95,genus=0.8"
            ) from None
    for value in values.values():
        check_probability("--confidence", value)
    return values[""] if list(values) == [""] else values


def check_probability(option: str, value: float) -> None:
    """Check the probability that an option gives.

    Raises:
        ValueError: it is not between 0 and 1.
    """
    if not 0 < value < 1:
        raise ValueError(f"{option} is {value}; it must be between 0 and 1, such as 0.95")


def confidence_at(ranks: Sequence[str], confidence: Confidence) -> np.ndarray:
    """The least probability of a call at each rank (ranks,).

    >>> confidence_at(("species", "genus"), {"genus": 0.8}).tolist()
    [0.95, 0.8]

    Raises:
        ValueError: a rank is none of the library's, or a number is not between 0 and 1.
    """
    given = confidence if isinstance(confidence, Mapping) else {"": confidence}
    for rank, value in given.items():
        check_probability("--confidence", value)
        if rank and rank not in ranks:
            raise ValueError(f"--confidence names the rank {rank!r}; the library has {', '.join(ranks)}")
    return np.array([given.get(rank, given.get("", DEFAULT)) for rank in ranks])
