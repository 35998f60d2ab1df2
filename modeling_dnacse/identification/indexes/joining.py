"""Two libraries in, one with the references of both out."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...reading.label_policy import RANK_ORDER
from ..encoding import Encoded
from ..references import References


def join_references(first: References, second: References) -> References:
    """References one after the other, with the columns of both."""

    def join(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        none = [""] * len(first.ids), [""] * len(second.ids)
        return {key: [*one.get(key, none[0]), *other.get(key, none[1])] for key in ordered({**one, **other})}

    parts = (join(one, other) for one, other in zip(first[1:], second[1:], strict=True))
    return References([*first.ids, *second.ids], *parts)


def ordered(columns: Iterable[str]) -> list[str]:
    """Order the names of columns: ranks from the species upwards, then the others as they come."""
    names = list(columns)
    return [rank for rank in RANK_ORDER if rank in names] + [name for name in names if name not in RANK_ORDER]


def join_encoded(first: Encoded, second: Encoded) -> Encoded:
    """Encoded sequences one after the other."""
    if first.sites is not None and second.sites is not None:
        sites = (np.concatenate(pair) for pair in zip(first.sites, second.sites, strict=True))
        return Encoded(None, type(first.sites)(*sites))
    assert first.vectors is not None
    assert second.vectors is not None
    lengths = None
    if first.lengths is not None and second.lengths is not None:
        lengths = np.concatenate([first.lengths, second.lengths])
    return Encoded(np.concatenate([first.vectors, second.vectors]), None, lengths)
