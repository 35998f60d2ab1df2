"""Cases of classes with few taxa in, the same and assumed cases out.

In a library with one genus a family, no look-up has the family of its record but not its genus. From this it does not
follow that all queries of other genera are as far from the library as other families are. With few such genera, their
cases depend on which ones they are.

So each class is assumed to have one taxon more, whose cases look like those of the class below it: queries of an
unknown genus like queries of an unknown species of a known genus. Where a library has no unknown genus in a known
family, the name of a genus then needs evidence as of a known species. The more taxa it has, the less this counts. It
is the rule of succession: if n taxa all differed from the library so far, the next one does not with a chance of
about 1 / n. It begins with unknown genera: that unknown species look like known ones would leave no species to call
in a list with one species a genus.
"""

import numpy as np

from .cases import CalibrationData

ASSUMED = 1  # taxa; LOG.md compares others


def with_assumed(data: CalibrationData) -> CalibrationData:
    """Add the assumed cases of each class, from unknown genera up to the highest class that has cases."""
    below = np.flatnonzero(data.known_from == 1)
    copied, classes = [], []
    for level in range(2, data.known_from.max(initial=0) + 1):
        own = np.flatnonzero(data.known_from == level)
        taxa = len(np.unique(data.taxon[own]))
        count = round(len(own) * ASSUMED / taxa) if taxa else len(below)
        chosen = below[np.linspace(0, len(below) - 1, count if len(below) else 0).astype(int)]
        copied.append(chosen)
        classes.append(np.full(len(chosen), level))
        if len(own) or len(chosen):
            below = np.concatenate([own, chosen])
    if not copied:
        return data
    rows, known_from = np.concatenate(copied), np.concatenate(classes)
    copies = CalibrationData(*(part[..., rows] for part in data))
    right = copies.right & (np.arange(len(copies.right))[:, None] >= known_from)
    copies = copies._replace(right=right, known_from=known_from)
    return CalibrationData(*(np.concatenate(part, axis=-1) for part in zip(data, copies, strict=True)))
