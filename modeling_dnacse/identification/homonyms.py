"""Names of a library's records in; the names that lie in several taxa out: homonyms, or lineages that disagree."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ..reading.label_policy import RANKS


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
