"""The picture of `dnacse identify`: how near the queries are to the library, and at which ranks they are called.

Top left, the similarity of the nearest reference: that of the queries, and that of the library's own records when they
or their whole species are left out. Below it, the probability that the species is new. Right, the calls.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..identification.calibration import Calibration, CalibrationData
from ..identification.naming import Identifications
from .pictures import BLUE, ORANGE, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EDGES = np.linspace(-1, 1, 401)  # bins of the histograms of similarities
LOWER = (0.9, 0.8)  # probabilities
PALE = "#C8C8C8"


class Tally:
    """Counts of the calls so far, in constant memory."""

    def __init__(self, ranks: tuple[str, ...]) -> None:
        """Start at zero."""
        self.ranks = ranks
        self.similarities = np.zeros(len(EDGES) - 1, np.int64)
        self.called = np.zeros((len(ranks) + 1, 2), np.int64)  # rows: ranks, then no call; columns: others, likely new
        self.foreign = 0
        self.nearly = dict.fromkeys(LOWER, 0)  # queries not called at species whose species has this probability

    def add(self, similarities: np.ndarray, found: Identifications, confidence: float) -> None:
        """Count a block of queries, with the similarities (q,) of their nearest references."""
        self.similarities += np.histogram(similarities[similarities > -np.inf].clip(-1, 1), EDGES)[0]
        np.add.at(
            self.called, (found.level, (found.new_species >= confidence).astype(int)), 1
        )  # level -1: the last row

        self.foreign += int(found.foreign.sum())
        species = np.where(found.level == 0, 0, np.nan_to_num(found.probabilities[0]))
        for least in LOWER:
            self.nearly[least] += int((species >= least).sum())

    def advice(self, confidence: float) -> str:
        """Say what to do for more calls at species, if anything helps."""
        lower = [least for least in LOWER if least < confidence]
        more = [f"{self.nearly[least]:,} with --confidence species={least}" for least in lower if self.nearly[least]]
        said = f"more at species, at a greater risk: {', '.join(more)}" if more else ""
        if self.foreign:
            others = f"{self.foreign:,} do not look like the library's marker"
            said = f"{said}; {others}" if said else others
        return said

    def summary(self) -> str:
        """Say how many queries were called at which rank.

        >>> Tally(("species", "genus")).summary()
        '0 queries: 0 called at species, 0 at genus, 0 not called; 0 likely of a species that the library lacks'
        """
        totals = self.called.sum(axis=1)
        ranks = ", ".join(f"{total:,} at {rank}" for total, rank in zip(totals, self.ranks, strict=False))
        return (
            f"{totals.sum():,} queries: {ranks.replace(' at', ' called at', 1)}, {totals[-1]:,} not called; "
            f"{self.called[:, 1].sum():,} likely of a species that the library lacks"
        )


def draw_calls(path: Path, tally: Tally, data: CalibrationData, calibration: Calibration) -> None:
    """Draw the picture of this module.

    Args:
        path: The picture.
        tally: The counts of all queries.
        data: How the library's own records were looked up.
        calibration: The curves that were used.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplot_mosaic([["near", "calls"], ["new", "calls"]], height_ratios=[2, 1], width_ratios=[3, 2])
    draw_similarities(axes["near"], tally.similarities, data)
    draw_new_species(axes["new"], calibration)
    shown = [EDGES[:-1][tally.similarities > 0].min(initial=0.9), data.similarity.min(initial=1)]
    for name in ("near", "new"):
        axes[name].set_xlim(max(-1, min(shown) - 0.01), 1)
    axes["near"].tick_params(labelbottom=False)
    draw_levels(axes["calls"], tally)
    save(figure, path)


def draw_similarities(axes: "Axes", queries: np.ndarray, data: CalibrationData) -> None:
    """Draw the similarities of the queries (bins,) and of the library's records, each as a share of its total."""
    total = queries.sum()
    axes.stairs(queries / max(1, total), EDGES, fill=True, color=PALE, label=f"{total:,} queries")
    styles = (("references, left out one by one", BLUE, "-"), ("references, their taxa left out", ORANGE, "--"))
    for is_new, (label, colour, line) in enumerate(styles):
        scores = data.similarity[(data.known_from > 0) == is_new]
        if len(scores):
            counts = np.histogram(scores.clip(-1, 1), EDGES)[0]
            axes.stairs(counts / len(scores), EDGES, color=colour, linestyle=line, linewidth=1.5, label=label)
    axes.set(ylabel="share", ylim=(0, None))
    axes.set_title("How near is the nearest reference?", loc="left")
    axes.legend(frameon=False, loc="upper left")


def draw_new_species(axes: "Axes", calibration: Calibration) -> None:
    """Draw the probability that the library lacks the species, by similarity."""
    if calibration.new_species is None:
        axes.text(0.5, 0.5, "the library cannot tell new species", ha="center", transform=axes.transAxes)
    else:
        axes.plot(EDGES, calibration.new_species.at(-EDGES), color="black")
    axes.set(xlabel="similarity of the nearest reference", ylabel="P(new species)", ylim=(-0.03, 1.03))


def draw_levels(axes: "Axes", tally: Tally) -> None:
    """Draw how many queries were called at each rank, and how many of them are likely of a new species."""
    names = [*tally.ranks, "no call"]
    known, new = tally.called.T
    axes.barh(names, known, color=BLUE, label="others")
    style = {"color": "white", "edgecolor": ORANGE, "hatch": "////", "linewidth": (new > 0).astype(float)}
    bars = axes.barh(names, new, left=known, label="likely of a new species", **style)
    axes.bar_label(bars, [f"{total:,}" for total in known + new], padding=3)
    axes.invert_yaxis()
    axes.set(xlabel="queries", xlim=(0, 1.15 * (known + new).max()))
    axes.set_title("Lowest rank that is sure enough", loc="left")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
