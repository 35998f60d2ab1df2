"""Choose records for a trial: names of a library's records in; drawn records, and those held out as queries, out.

Two kinds of queries are held out. All records of some species, whose genus has another species, measure how often the
genus of an unseen species is right. Single records of species that keep other records measure how often a known
species is right. The model that is released was not fitted to these, nor to some whole genera, so that the names that
it gives can be calibrated.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

QUERIES = 500  # of each kind, at most
SHARE = 0.2  # of the records, for each kind, at most
FEWEST_RECORDS = 30
FEWEST_GENERA = 2  # with two species


class Split(NamedTuple):
    """Rows of records, ascending."""

    rest: np.ndarray
    unseen: np.ndarray  # all of their species
    seen: np.ndarray  # one of each species that has other records in `rest`


def check_names(genera: np.ndarray, species: np.ndarray) -> None:
    """Refuse a library that is too small for a trial.

    Raises:
        ValueError: fewer than `FEWEST_RECORDS` records have species and genus, or than `FEWEST_GENERA` genera have two
            species.
    """
    named = (genera != "") & (species != "")
    pairs = set(zip(genera[named].tolist(), species[named].tolist(), strict=True))
    wide = sum(count >= 2 for count in Counter(genus for genus, _ in pairs).values())
    if named.sum() < FEWEST_RECORDS or wide < FEWEST_GENERA:
        raise ValueError(
            f"{named.sum():,} records have a species and a genus, and {wide:,} genera have two species or more; at "
            f"least {FEWEST_RECORDS} such records and {FEWEST_GENERA} such genera are needed: add records, or use a "
            "shipped model"
        )


def check_sequences(texts: Sequence[Hashable]) -> None:
    """Refuse a library whose records are mostly copies, which no fit can tell apart.

    Raises:
        ValueError: fewer than `FEWEST_RECORDS` sequences differ.
    """
    if (different := len(set(texts))) < FEWEST_RECORDS:
        raise ValueError(
            f"the number of different sequences among {len(texts):,} records is {different:,}; at least "
            f"{FEWEST_RECORDS} are needed: add records, or use a shipped model"
        )


def thin(species: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of at most `most` records, ascending; species with many records are reduced first.

    >>> species = np.array(["a", "a", "a", "a", "b", "c"])
    >>> species[thin(species, 3, np.random.default_rng(0))].tolist()
    ['a', 'b', 'c']
    """
    order = rng.permutation(len(species))
    order = order[np.argsort(species[order], kind="stable")]
    place = np.arange(len(order)) - np.searchsorted(species[order], species[order])  # within the species
    return np.sort(order[np.argsort(place, kind="stable")[:most]])


def draw_genera(genera: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of whole genera, ascending, together at most `most`; the last genus may be cut.

    >>> draw_genera(np.array(["a", "b", "a", "b", ""]), 2, np.random.default_rng(0)).tolist()
    [0, 2]
    """
    names, codes = np.unique(genera, return_inverse=True)
    order = np.argsort(rng.permutation(len(names))[codes], kind="stable")
    return np.sort(order[genera[order] != ""][:most])


def hold_out(genera: np.ndarray, species: np.ndarray, rng: np.random.Generator) -> Split:
    """Choose queries: at most half of the species of a genus, and no more than `QUERIES` and `SHARE` allow.

    The first species may be larger than `SHARE`, so that there is at least one.
    """
    named = (genera != "") & (species != "")
    sizes = Counter(species[named].tolist())
    genus_of = dict(zip(species[named].tolist(), genera[named].tolist(), strict=True))
    wide, held = Counter(genus_of.values()), Counter()
    limit, asked, unseen = min(QUERIES, int(SHARE * len(genera))), 0, set()
    names = rng.permutation(sorted(sizes)).tolist()
    for name in names:
        genus, fits = genus_of[name], asked + sizes[name] <= limit or not (unseen or sizes[name] > len(genera) / 2)
        if held[genus] < wide[genus] // 2 and fits:
            unseen.add(name)
            held[genus] += 1
            asked += sizes[name]
    frequent = [name for name in names if sizes[name] >= 2 and name not in unseen][:limit]
    rows = rng.permutation(np.flatnonzero(named))
    first = dict(zip(species[rows].tolist(), rows.tolist(), strict=True))
    seen = np.array(sorted(first[name] for name in frequent), int)
    away = np.isin(species, sorted(unseen)) & named
    kept = ~away
    kept[seen] = False
    return Split(np.flatnonzero(kept), np.flatnonzero(away), seen)


def whole_genera(genera: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of whole genera that the released model shall not know, ascending: those of the fewest records.

    They are fewer than half of all genera, and have at most as many records as each kind of queries.

    >>> whole_genera(np.array(list("aaaabbbcccdddde")), np.random.default_rng(0)).tolist()
    [14]
    """
    names, codes, sizes = np.unique(genera, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    order = order[np.argsort(sizes[order], kind="stable")][: (len(names) - 1) // 2]
    chosen = order[np.cumsum(sizes[order]) <= min(QUERIES, int(SHARE * len(genera)))]
    return np.flatnonzero(np.isin(codes, chosen))
