"""Vectors and names in, the points of a map out: the position, colour and marker of each sequence.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish. Each colour has its own marker, so
that no information depends on colour alone. Each of the largest groups gets one; all others are grey.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 5  # sequences that UMAP needs
COMPONENTS = 50  # principal components that UMAP gets
NEIGHBOURS = 15
NOT_NAMED, OTHERS = "without a name", "others"


class GroupStyle(NamedTuple):
    """How the points of a group are drawn; `shape` is the marker of bokeh, `marker` that of matplotlib."""

    colour: str
    shape: str
    marker: str


STYLES = (
    GroupStyle("#0072B2", "circle", "o"),
    GroupStyle("#D55E00", "square", "s"),
    GroupStyle("#009E73", "triangle", "^"),
    GroupStyle("#CC79A7", "diamond", "D"),
    GroupStyle("#000000", "inverted_triangle", "v"),
    GroupStyle("#56B4E9", "star", "*"),
    GroupStyle("#E69F00", "hex", "h"),
    GroupStyle("#882255", "plus", "P"),
)
GREY = GroupStyle("#B0B0B0", "circle", "o")
ON_BLACK = {"#000000": "#FFFFFF", "#882255": "#F0E442"}  # colours that are invisible there -> others


class MapPoints(NamedTuple):
    """Sequences (n,) on a map."""

    ids: list[str]
    sequences: list[str]  # empty if there are too many to keep
    labels: list[str]  # all names of each
    positions: np.ndarray  # (n, 2)
    groups: list[str]  # a key of `styles` for each
    styles: dict[str, GroupStyle]  # the largest group first
    coloured_by: str  # "" if there are no names
    dark: bool = False  # drawn on black


def lay_out(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Map vectors (n, d) to two dimensions by UMAP of their first principal components: (n, 2), each from 0 to 1.

    McInnes et al. 2018. Neighbours stay neighbours; distances between groups have no meaning.

    Raises:
        ValueError: there are fewer than `FEWEST` vectors.
    """
    from umap import UMAP  # here, since the import compiles for seconds

    if len(vectors) < FEWEST:
        raise ValueError(f"a map needs at least {FEWEST} sequences, and there are {len(vectors)}; give more")
    centred = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(centred.T @ centred, hermitian=True)[0][:, :COMPONENTS]
    neighbours = min(NEIGHBOURS, len(vectors) - 1)
    umap = UMAP(n_neighbors=neighbours, min_dist=0.3, init="pca", random_state=seed, n_jobs=1)
    points = np.asarray(umap.fit_transform(centred @ axes))
    points = points - points.min(axis=0)
    return points / np.maximum(points.max(axis=0), 1e-12)


def choose_column(columns: Mapping[str, Sequence[str]], asked: str | None) -> str:
    """The column that colours show: the requested one, the lowest rank with few names, or that with the fewest.

    Columns of numbers, such as the sizes of clusters, come last.

    Args:
        columns: Names (n,) by column, the lowest rank first; "": no name.
        asked: The column of --colour_by.

    Returns:
        The column; "" if there are no names.

    Raises:
        ValueError: there is no such column.

    >>> choose_column({"species": list("abcdefghi"), "genus": list("xxxyyyzzz")}, None)
    'genus'
    """
    named = [column for column, names in columns.items() if any(names)]
    if asked is not None and asked not in named:
        raise ValueError(
            f"--colour_by is {asked}, but the columns with names are: {', '.join(named) or 'none'}; give one"
        )
    words = [column for column in named if not is_number(columns[column])]
    counts = {column: len(set(columns[column]) - {""}) for column in words or named}
    few = [column for column, count in counts.items() if count <= len(STYLES)]
    return asked or next(iter(few or sorted(counts, key=lambda column: counts[column])), "")


def is_number(column: Sequence[str]) -> bool:
    """Whether a column holds numbers instead of names."""
    return all(cell.replace(".", "", 1).removeprefix("-").isdigit() for cell in column if cell)


def style_groups(names: Sequence[str], dark: bool = False) -> tuple[list[str], dict[str, GroupStyle]]:
    """Assign a style to each of the largest groups.

    Args:
        names: Names of the sequences (n,); "": no name.
        dark: Whether the map is drawn on black.

    >>> groups, styles = style_groups(["a", "b", "b", ""])
    >>> groups, {group: style.shape for group, style in styles.items()}
    (['a', 'b', 'b', 'without a name'], {'b': 'circle', 'a': 'square', 'without a name': 'circle'})
    """
    counts = Counter(name for name in names if name)
    largest = sorted(counts, key=lambda name: (-counts[name], name))[: len(STYLES)]
    shown = [style._replace(colour=ON_BLACK.get(style.colour, style.colour)) if dark else style for style in STYLES]
    styles = dict(zip(largest, shown, strict=False))
    others, not_named = bracketed(OTHERS, styles), bracketed(NOT_NAMED, styles)
    groups = [name if name in styles else others if name else not_named for name in names]
    return groups, styles | {group: GREY for group in (others, not_named) if group in groups}


def bracketed(group: str, taken: Container[str]) -> str:
    """The name of a grey group, in brackets if a group of the user has it."""
    while group in taken:
        group = f"({group})"
    return group


def describe(columns: Mapping[str, Sequence[str]], row: int) -> str:
    """All names of a sequence, as in `species Apis mellifera, genus Apis`."""
    return ", ".join(f"{column} {names[row]}" for column, names in columns.items() if names[row])
