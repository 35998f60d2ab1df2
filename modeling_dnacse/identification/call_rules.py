"""The options --precision and --confidence in; the least probability at which a name is called, at each rank, out.

- A *precision* P is of all calls at a rank: P of them should be right. As many names as possible are called, the
  surest first, as long as the mean of their probabilities is at least P. This is the Bayesian false discovery rate
  (Efron and Tibshirani 2002), 1 - P. No name below `SURE_ENOUGH` is called, however sure the others are: among many
  known species, a few new ones would get names of known species at no cost to the mean. A name of the probability P
  is always called, even if P is less than that.
- A *confidence* P is of each call: its probability is at least P. So more than P of all calls are right, and fewer
  names are called.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

ByRank = float | Mapping[str, float]  # for all ranks, or by rank; other ranks get DEFAULT
DEFAULT = 0.95
SURE_ENOUGH = 0.8  # a local false discovery rate of 0.2 (Efron 2007)
LIKELY = 0.5  # a species is not noted as likely new below this, whatever the options say


class CallRule(NamedTuple):
    """A precision of all calls or a confidence of each, for all ranks or by rank."""

    option: str  # "--precision" or "--confidence"
    value: ByRank

    def at(self, ranks: Sequence[str]) -> np.ndarray:
        """The precision or confidence at each rank (ranks,).

        >>> CallRule("--confidence", {"genus": 0.8}).at(("species", "genus")).tolist()
        [0.95, 0.8]

        Raises:
            ValueError: a rank is none of the library's, or a number is not between 0 and 1.
        """
        given = self.value if isinstance(self.value, Mapping) else {"": self.value}
        for rank, value in given.items():
            check_probability(self.option, value)
            if rank and rank not in ranks:
                raise ValueError(f"{self.option} names the rank {rank!r}; the library has {', '.join(ranks)}")
        return np.array([given.get(rank, given.get("", DEFAULT)) for rank in ranks])

    def thresholds(self, ranks: Sequence[str], probabilities: np.ndarray, new_species: np.ndarray) -> "Thresholds":
        """The least probability of a call at each rank, for these queries.

        Args:
            ranks: The library's ranks, the lowest first.
            probabilities: Of the names that can be called (ranks, q), NaN elsewhere.
            new_species: Probability that the library lacks the species (q,), or NaN.
        """
        wanted = self.at(ranks)
        if self.option == "--confidence":
            return Thresholds(wanted, max(LIKELY, float(wanted[0])))
        least, called = np.empty(len(wanted)), np.zeros(len(new_species), bool)
        for rank, names in enumerate(probabilities):
            least[rank] = least_at_precision(names[~called], wanted[rank])
            called |= names >= least[rank]
        return Thresholds(least, max(LIKELY, least_at_precision(new_species, wanted[0])))


class Thresholds(NamedTuple):
    """The least probability of a call at each rank (ranks,), and at which a species is noted as likely new."""

    names: np.ndarray
    new_species: float


def call_rule(precision: ByRank | None = None, confidence: ByRank | None = None) -> CallRule:
    """The rule of these options; without either, the precision `DEFAULT`.

    Raises:
        ValueError: both are given.
    """
    if precision is not None and confidence is not None:
        raise ValueError("give a precision of all calls or a confidence of each, not both")
    if confidence is not None:
        return CallRule("--confidence", confidence)
    return CallRule("--precision", DEFAULT if precision is None else precision)


def least_at_precision(probabilities: np.ndarray, precision: float) -> float:
    """The least probability at which the names that have it, or more, are right with this precision on average.

    Args:
        probabilities: Probability of each name (q,), NaN: none.
        precision: Of all names together.

    >>> least_at_precision(np.array([0.99, 0.99, 0.88, 0.88, 0.5, np.nan]), 0.93)
    0.88
    >>> least_at_precision(np.array([0.99, 0.99, 0.88, 0.88, 0.5, np.nan]), 0.95)
    0.95
    """
    values, counts = np.unique(probabilities[~np.isnan(probabilities)], return_counts=True)
    values, counts = values[::-1], counts[::-1]  # the surest first; equal ones are called together
    enough = np.cumsum(values * counts) >= precision * np.cumsum(counts)
    allowed = values[enough & (values >= SURE_ENOUGH)]
    return float(min(precision, allowed.min(initial=precision)))


def parse_by_rank(option: str, text: str) -> ByRank:
    """Read the value of an option: a number, numbers by rank, or both; then the number is for all other ranks.

    >>> parse_by_rank("--precision", "0.9"), parse_by_rank("--precision", "species=0.95,genus=0.8")
    (0.9, {'species': 0.95, 'genus': 0.8})

    Raises:
        ValueError: it is neither, or gives a rank two numbers.
    """
    values: dict[str, float] = {}
    for part in text.split(","):
        rank, _, number = part.rpartition("=")
        if (rank := rank.strip().lower()) in values:
            raise ValueError(f"{option} is {text!r}, which gives {rank or 'all ranks'} two numbers; give one")
        try:
            values[rank] = float(number)
        except ValueError:
            raise ValueError(
                f"{option} is {text!r}; it must be a number such as 0.95, or numbers by rank such as "
                "species=0.95,genus=0.8"
            ) from None
    for value in values.values():
        check_probability(option, value)
    return values[""] if list(values) == [""] else values


def check_probability(option: str, value: float) -> None:
    """Check the probability that an option gives.

    Raises:
        ValueError: it is not between 0 and 1.
    """
    if not 0 < value < 1:
        raise ValueError(f"{option} is {value}; it must be between 0 and 1, such as 0.95")
