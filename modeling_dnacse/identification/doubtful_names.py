"""Names of a library's records in; lines about those that may be two taxa as one, or one taxon as two, out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ..reading.label_policy import RANK_ORDER, RANKS
from ..reading.names import alike_but_for_case


def doubts(names: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which names differ only by case, and which lie in several taxa: homonyms, or lineages that disagree.

    Args:
        names: Of each record at each rank, "" for none.
    """
    lines = []
    if alike := [pair for rank in RANK_ORDER for pair in alike_but_for_case(names.get(rank, ()))]:
        lines.append(
            f"{len(alike):,} pairs of names differ only by upper and lower case, as in {alike[0][0]!r} and "
            f"{alike[0][1]!r}, and count as different taxa; write them alike if they are one"
        )
    if split := names_in_several(names):
        rank, name, upper, taxa = split[0]
        lines.append(
            f"{len(split):,} names lie in several taxa of the next rank, as {rank} {name!r} in {upper} "
            f"{taxa[0]!r} and {taxa[1]!r}, and count as one taxon each; correct lineages, and rename homonyms"
        )
    return lines


def names_in_several(names: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str, list[str]]]:
    """The names of `RANKS` that records assign to more than one taxon of the next one, with rank, upper rank and taxa.

    >>> names_in_several({"genus": ["Apis", "Oenanthe", "Oenanthe"], "family": ["Apidae", "Apiaceae", "Muscicapidae"]})
    [('genus', 'Oenanthe', 'family', ['Apiaceae', 'Muscicapidae'])]
    """
    found = []
    for rank, upper in pairwise(RANKS):
        taxa: dict[str, list[str]] = {}
        for name, above in sorted(set(zip(names.get(rank, ()), names.get(upper, ()), strict=False))):
            if name and above:
                taxa.setdefault(name, []).append(above)
        found += [(rank, name, upper, above) for name, above in taxa.items() if len(above) > 1]
    return found
