"""What all pictures share: colours, markers and lines that also read in grey, axes in per cent, files that repeat.

Colours are Okabe and Ito's without yellow, which is lost on white, and three of Tol's; each has a marker and a line of
its own, so that nothing is told by colour alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLES = [
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", (0, (5, 2))),
    ("#009E73", "^", (0, (1, 1.5))),
    ("#CC79A7", "D", (0, (5, 1.5, 1, 1.5))),
    ("#000000", "X", (0, (8, 2))),
    ("#56B4E9", "v", (0, (3, 1.5, 1, 1.5, 1, 1.5))),
    ("#E69F00", "P", (0, (2, 2))),
    ("#882255", "<", (0, (10, 3, 2, 3))),
    ("#44AA99", ">", (0, (4, 1))),
    ("#999933", "p", (0, (1, 3))),
]
GREY = "#C8C8C8"


def bounds(metric: Mapping[str, Any]) -> tuple[float, float, float]:
    """A metric's value, and its interval or else the range over seeds, in per cent: value, low, high.

    >>> bounds({"value": 0.5, "per_seed": [0.25, 0.75]})
    (50.0, 25.0, 75.0)
    """
    seeds = metric.get("per_seed", [metric["value"]])
    low, high = metric.get("interval", (min(seeds), max(seeds)))
    value = 100 * metric["value"]
    return value, min(value, 100 * low), max(value, 100 * high)  # a value may lie outside of its own bootstrap


def clean(axes: Axes) -> None:
    """Take away the frame where it says nothing."""
    axes.spines[["top", "right"]].set_visible(False)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that depends on the picture alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Software": None})
    plt.close(figure)
