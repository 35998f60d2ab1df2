"""Draw which genera or families a method confuses with each other.

Queries of species that the references lack are named by the method as in the task knn, at most five queries of a
species. Each of the two ranks has a form of its own:

- Genera: each of the hundreds is confused with one or two others, so a matrix of them would be nearly empty. Bars show
  the pairs with most wrong calls; hatched bars are wrong about the family, too.
- Families: a matrix. The pairs with most wrong calls, in either direction, are taken until so many families are
  together. Rows are what a sequence is, columns what it is called, in boxes of orders; the last column is every family
  that is not drawn. Cells are the share of a row, darker is more; numbers are sequences.
"""

from collections import Counter

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from benchmarks.methods.method import Method, Split, predict_names
from benchmarks.report.plots.style import MUTED, OURS, clean
from benchmarks.scoring.queries import draw_question

ABOVE = {"genus": "family", "family": "order"}
LIGHT = 0.55  # above this share, the number in a cell of the matrix is white
ELSEWHERE = "elsewhere"


def most_confused(truth: np.ndarray, called: np.ndarray, most: int) -> list[str]:
    """Choose the names that are confused most with each other.

    Args:
        truth: (n,) str.
        called: (n,) str, "" = no name.
        most: Names at most.

    >>> most_confused(np.array(list("aaabbcd")), np.array(list("bbbaacc")), most=2)
    ['a', 'b']
    """
    pairs = Counter(
        tuple(sorted(pair)) for pair in zip(truth.tolist(), called.tolist(), strict=True) if "" not in pair
    )
    chosen: dict[str, None] = {}
    for pair, _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if pair[0] != pair[1] and len(chosen.keys() | set(pair)) <= most:
            chosen |= dict.fromkeys(pair)
    return list(chosen)


def tabulate(truth: np.ndarray, called: np.ndarray, names: list[str]) -> np.ndarray:
    """Count queries by what they are and what they are called, (names, names + 1); the last column is elsewhere.

    >>> tabulate(np.array(["a", "a", "b"]), np.array(["b", "z", "b"]), ["a", "b"]).tolist()
    [[0, 1, 1], [0, 1, 0]]
    """
    place = {name: number for number, name in enumerate(names)}
    table = np.zeros((len(names), len(names) + 1), dtype=int)
    for name, other in zip(truth.tolist(), called.tolist(), strict=True):
        if name in place:
            table[place[name], place.get(other, len(names))] += 1
    return table


def rank_pairs(truth: np.ndarray, called: np.ndarray, most: int) -> list[tuple[str, str, int, int]]:
    """The most frequent wrong calls: what it is, what it is called, how many, of how many.

    >>> rank_pairs(np.array(list("aaabb")), np.array(list("bbaaz")), most=2)
    [('a', 'b', 2, 3), ('b', 'a', 1, 2)]
    """
    sizes = Counter(truth.tolist())
    wrong = [pair for pair in zip(truth.tolist(), called.tolist(), strict=True) if pair[0] != pair[1] and pair[1]]
    ranked = sorted(Counter(wrong).items(), key=lambda item: (-item[1], item[0]))
    return [(is_, other, count, sizes[is_]) for (is_, other), count in ranked[:most]]


def plot_confusion(
    method: Method, references: Split, unseen: Split, *, rank: str, most: int, max_sequences: int, seed: int
) -> Figure:
    """Name queries at a rank and draw what is confused most.

    Args:
        method: What names them.
        references: Labelled sequences.
        unseen: Queries of other species.
        rank: "genus" or "family".
        most: Pairs of genera, or families, drawn at most.
        max_sequences: Queries at most, whole species.
        seed: Seed of the draw of queries.

    Raises:
        ValueError: There are no queries, nothing is confused, or nothing may be drawn.
        Unsuited: The method can name nothing.
    """
    if most < 2:
        raise ValueError(f"got --most {most}, but two families are the fewest that can be confused.")
    asked = draw_question(unseen, rank, seed=seed, queries=max_sequences)
    if not len(asked.rows):
        raise ValueError(f"got no query with a {rank}: check the labels and --split.")
    called = predict_names(method, asked.sequences, references.sequences, references.labels[rank]).names
    pairs = rank_pairs(asked.names, called, most)
    if not pairs:
        raise ValueError(f"{method.name} names each of {len(called)} queries correctly: there is nothing to draw.")
    above = {}
    for split in (references, unseen):
        above |= dict(zip(split.labels[rank].tolist(), split.labels[ABOVE[rank]].tolist(), strict=True))
    if rank == "genus":
        figure = draw_pairs(pairs, above)
    else:
        names = sorted(most_confused(asked.names, called, most), key=lambda name: (above[name], name))
        figure = draw_table(tabulate(asked.names, called, names), names, [above[name] for name in names])
    right = called == asked.names
    near = np.array([above.get(name) == above[other] for name, other in zip(called, asked.names, strict=True)])
    figure.suptitle(
        f"{method.name}: {rank} of {len(called):,} sequences of unseen species, {right.mean():.0%} right\n"
        f"{near[~right].mean():.0%} of the wrong ones are in the right {ABOVE[rank]}",
        fontsize=12,
    )
    return figure


def draw_pairs(pairs: list[tuple[str, str, int, int]], above: dict[str, str]) -> Figure:
    """Draw the pairs of `rank_pairs` as bars, with the groups that they belong to."""
    figure, axes = plt.subplots(figsize=(10, 0.29 * len(pairs) + 1.7), layout="constrained")
    longest = max(count for *_, count, _ in pairs)
    for row, (name, other, count, size) in enumerate(pairs):
        same = above[name] == above.get(other)
        axes.barh(
            row, count, height=0.7, color=OURS.colour if same else "white", edgecolor=OURS.colour,
            hatch=None if same else "////",
        )  # fmt: skip
        groups = above[name] or "?" if same else f"{above[name] or '?'}, called {above.get(other) or '?'}"
        axes.text(count + 0.015 * longest, row, f"{count} of {size}   {groups}", va="center", fontsize=10.5)
    arrows = [f"{name} \N{RIGHTWARDS ARROW} {other}" for name, other, *_ in pairs]
    axes.set_yticks(range(len(pairs)), arrows, fontsize=11)
    axes.set_xticks(range(0, longest + 1, max(1, round(longest / 5))))
    axes.set(ylim=(len(pairs) - 0.4, -0.6), xlim=(0, 2.1 * longest))
    axes.set_xlabel("sequences called so", fontsize=11)
    axes.tick_params(axis="y", length=0)
    handles = [
        Patch(facecolor=OURS.colour, edgecolor=OURS.colour, label="within the family"),
        Patch(facecolor="white", edgecolor=OURS.colour, hatch="////", label="another family"),
    ]
    axes.legend(handles=handles, loc="lower right", frameon=False, fontsize=11)
    clean(axes)
    return figure


def draw_table(table: np.ndarray, names: list[str], groups: list[str]) -> Figure:
    """Draw counts (names, names + 1), with a box around each group of neighbours."""
    side = 0.27 * len(names) + 2.6
    figure, axes = plt.subplots(figsize=(side + 1.2, side), layout="constrained")
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    for row, column in zip(*np.nonzero(table), strict=True):
        colour = "white" if shares[row, column] > LIGHT else "black"
        axes.text(column, row, str(table[row, column]), ha="center", va="center", fontsize=7, color=colour)
    starts = [0, *(place for place in range(1, len(names)) if groups[place] != groups[place - 1]), len(names)]
    for first, last in zip(starts[:-1], starts[1:], strict=True):
        size = last - first
        box = Rectangle((first - 0.5, first - 0.5), size, size, fill=False, edgecolor=MUTED[0].colour, linewidth=1.3)
        axes.add_patch(box)
        axes.text(len(names) + 0.9, (first + last - 1) / 2, groups[first] or "?", va="center", fontsize=8)
    axes.axvline(len(names) - 0.5, color="black", linewidth=0.8)
    axes.set_xticks(range(len(names) + 1), [*names, ELSEWHERE], rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("called")
    axes.set_ylabel("is")
    axes.tick_params(length=0)
    axes.spines[:].set_color("#BBBBBB")
    return figure
