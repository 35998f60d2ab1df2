"""The picture of `dnacse identify`: the taxa in each sample, their probabilities, what is new, and the reliability.

On the left are the called taxa, the most abundant first, then taxa with likely new species, then queries without a
call, each with the mean probability of its calls. On the right are the shares of each sample that are known, likely
new and without a call. Below is a reliability diagram: the share of right names against the stated probability, by
cross-validation on the library's own records.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...identification.calibration.cases import CalibrationData
from ...identification.calibration.fit import Calibration
from ...identification.calibration.reliability import reliability
from ...machine.pictures import no_formula
from ..identify_tally import ABOVE, KINDS, NEW, NO_CALL, SPECIES, Tally
from .pictures import BLUE, GREY, ORANGE, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SKY = "#4A9CCB"
COLOURS: dict[str, str] = dict(zip(KINDS, (BLUE, SKY, ORANGE, GREY), strict=True))
MOST_TAXA, MOST_SAMPLES = 22, 24  # in the picture
LONGEST = 34  # characters of a name


class Row(NamedTuple):
    """A row of the picture."""

    name: str
    colour: str
    amounts: np.ndarray  # (samples,)
    probability: float | None


def rows_of(tally: Tally) -> tuple[list[Row], int]:
    """The rows of the picture, and the number of rarer taxa that it does not show."""
    parts: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for (kind, name), taxon in sorted(tally.taxa.items(), key=lambda pair: -pair[1].amounts.sum()):
        text = {NEW: f"new in {name}" if name else "new, no call", NO_CALL: "no call"}.get(kind, name)
        sure = None if kind == NO_CALL else taxon.probability / taxon.queries
        parts[SPECIES if kind == ABOVE else kind].append(Row(cut(text), COLOURS[kind], taxon.amounts, sure))
    new = parts[NEW][: MOST_TAXA // 3]
    rows = [*parts[SPECIES][: MOST_TAXA - len(new)], *new, *parts[NO_CALL]]
    return rows, len(tally.taxa) - len(rows)


def draw_calls(path: Path, tally: Tally, data: CalibrationData, calibration: Calibration) -> None:
    """Draw the picture of this module.

    Args:
        path: The picture.
        tally: The counts of all queries.
        data: The look-ups of the library's own records.
        calibration: The curves that were used.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows, rarer = rows_of(tally)
    height = max(6.5, 2.6 + 0.36 * len(rows))
    with rc_context({"font.size": 13, "axes.titlesize": 14}):
        figure = Figure(figsize=(14, height), layout="constrained")
        parts_of_figure: Any = figure.subfigures(1, 2, width_ratios=[1.5, 1])
        left, right = parts_of_figure
        who, sure = left.subplots(1, 2, width_ratios=[5, 1], sharey=True)
        draw_taxa(who, tally, rows, rarer)
        write_probabilities(sure, rows)
        parts, true = right.subplots(2, 1, height_ratios=[min(3, 0.6 + 0.3 * len(tally.samples)), 2])
        draw_parts(parts, tally)
        draw_reliability(true, tally.ranks, data, calibration)
        save(figure, path)


def draw_taxa(axes: "Axes", tally: Tally, rows: list[Row], rarer: int) -> None:
    """Draw the amount of each taxon in each sample: bars for one sample, circles for several."""
    from matplotlib.ticker import MaxNLocator

    samples = tally.samples[:MOST_SAMPLES]
    if len(samples) == 1:
        amounts = [float(row.amounts.sum()) for row in rows]
        bars = axes.barh(range(len(rows)), amounts, color=[row.colour for row in rows])
        axes.bar_label(bars, [f"{x:,.0f}" if x.is_integer() else f"{x:,.4g}" for x in amounts], padding=3)
        axes.set(xlabel=tally.unit, xlim=(0, 1.18 * max(amounts)))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=max(amounts) > 5))
    else:
        shares = share_of_samples(np.stack([row.amounts for row in rows]), tally)[:, : len(samples)]
        for line, (row, share) in enumerate(zip(rows, shares, strict=True)):
            there = np.flatnonzero(share)
            areas = 25 + 450 * share[there] / shares.max()
            axes.scatter(there, np.full(len(there), line), areas, color=row.colour, linewidths=0)
        axes.set_xlabel(f"share of a sample's {tally.unit}; the largest circle is {shares.max():.0%}")
        axes.set_xlim(-0.6, len(samples) - 0.4)
        axes.set_xticks(range(len(samples)), [cut(name, 14) for name in samples], rotation=45, ha="right")
        axes.grid(axis="y", alpha=0.25)
        axes.set_axisbelow(True)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontstyle("italic" if row.colour == BLUE else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    more = [f"{rarer:,} rarer {'taxon is' if rarer == 1 else 'taxa are'} not shown"] if rarer else []
    if beyond := len(tally.samples) - len(samples):
        more.append(f"{beyond:,} more {'sample is' if beyond == 1 else 'samples are'} not shown")
    axes.set_title("\n".join(["Taxa", *more]), loc="left")


def share_of_samples(amounts: np.ndarray, tally: Tally) -> np.ndarray:
    """Amounts (..., samples) as shares of all that a sample holds, which may sum up to less than 1 read."""
    totals = sum((taxon.amounts for taxon in tally.taxa.values()), np.zeros(len(tally.samples)))
    return np.divide(amounts, totals, out=np.zeros(amounts.shape), where=totals > 0)


def write_probabilities(axes: "Axes", rows: list[Row]) -> None:
    """Write the mean probability of the calls of each taxon, or of being new."""
    for line, row in enumerate(rows):
        if row.probability is not None:
            axes.text(0.5, line, f"{100 * row.probability:.1f} %", va="center", ha="center")
    axes.tick_params(left=False, labelleft=False, bottom=False, labelbottom=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_title("Probability", loc="center")


def draw_parts(axes: "Axes", tally: Tally) -> None:
    """Draw the shares of each sample: called at species, called at a higher rank, likely new, or not called."""
    samples = tally.samples[:MOST_SAMPLES]
    amounts = {kind: np.zeros(len(tally.samples)) for kind in KINDS}
    for (kind, _), taxon in tally.taxa.items():
        amounts[kind] += taxon.amounts
    before = np.zeros(len(samples))
    of_kinds = share_of_samples(np.stack([amounts[kind] for kind in COLOURS]), tally)[:, : len(samples)]
    for (kind, colour), shares in zip(COLOURS.items(), 100 * of_kinds, strict=True):
        bars = axes.barh(range(len(samples)), shares, left=before, color=colour, height=0.7, label=kind)
        texts = [f"{share:.0f} %" if share >= 12 else "" for share in shares]
        axes.bar_label(bars, texts, label_type="center", color="white", fontsize=12, fontweight="bold")
        before += shares
    axes.set_yticks(range(len(samples)), [cut(name, 14) for name in samples])
    axes.set(xlim=(0, 100), xlabel=f"% of {tally.unit}", ylim=(len(samples) - 0.4, -0.6))
    axes.set_title("Known and new species", loc="left", pad=48)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.02, 1), ncols=2, fontsize=12, borderpad=0.2)


def draw_reliability(axes: "Axes", ranks: tuple[str, ...], data: CalibrationData, calibration: Calibration) -> None:
    """Draw a reliability diagram: the share of right names against the stated probability."""
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfect calibration")
    for (rank, name), style in zip(list(enumerate(ranks))[:2], (("o-", BLUE), ("s--", SKY)), strict=False):
        points = reliability(data, calibration.shares, rank)
        if len(points):
            axes.plot(*points.T, style[0], color=style[1], label=f"{name} names", linewidth=2, markersize=7)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.04), xlabel="stated probability", ylabel="share of right names")
    axes.set_title("Reliability of the probabilities,\ncross-validated on the library", loc="left")
    axes.legend(frameon=False, loc="upper left", fontsize=12)


def cut(name: str, most: int = LONGEST) -> str:
    """Shorten a name, and keep matplotlib from reading dollar signs as formulas."""
    return no_formula(name if len(name) <= most else f"{name[: most - 1]}…")
