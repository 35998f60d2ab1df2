"""What all pictures share: colours, markers, axes in per cent, and files that are rewritten only when they change.

Our models have a colour of their own in every picture, vermilion, a large filled marker and a solid line. Everything
else is muted. Colours are Okabe and Ito's or muted ones of Tol's, which colour-blind readers can distinguish; each has
its own marker and line style, so that no information depends on colour alone.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.result_files import CONTROLS
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.earlier_outputs import head


class Style(NamedTuple):
    """How a model, or a group of sequences, is drawn."""

    colour: str
    marker: str
    line: Any = "-"


plt.rcParams["text.parse_math"] = False  # a name with $ is no formula
OURS = Style("#D55E00", "o")
MUTED = [
    Style("#3B5B84", "s", (0, (5, 2))),
    Style("#6C8F7E", "^", (0, (1, 1.5))),
    Style("#8E7396", "D", (0, (5, 1.5, 1, 1.5))),
    Style("#555555", "X", (0, (8, 2))),
    Style("#7FA6C9", "v", (0, (3, 1.5, 1, 1.5, 1, 1.5))),
    Style("#A39A5B", "P", (0, (2, 2))),
    Style("#9A6A78", "<", (0, (10, 3, 2, 3))),
    Style("#97A5A8", ">", (0, (4, 1))),
]
GROUPS = [  # of sequences in a map, where no colour is a model's
    Style(colour, marker)
    for colour, marker in zip(
        ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#882255", "#44AA99", "#999933"),
        "os^DXvP<>p",
        strict=True,
    )
]
GREY = "#C8C8C8"
PNG = b"\x89PNG"  # how such a file begins
RESOLUTION = b"pHYs\0\0\x17\x12\0\0\x17\x12\x01"  # 150 dpi, in dots per metre
OUR_NAME = "dnacse"
BLOCK, SAME = 4, 0.12  # pixels of a block's side, and how far two blocks' mean colours may differ


def is_ours(model: str) -> bool:
    """Whether a model is one of ours, by its name; a control is not.

    >>> is_ours("dnacse-barcode-mini"), is_ours("untrained:dnacse-barcode-mini"), is_ours("tnf")
    (True, False, False)
    """
    return OUR_NAME in model and not model.startswith(CONTROLS)


def choose_styles(models: Sequence[str]) -> dict[str, Style]:
    """Give our models our colour and the others the muted styles in order."""
    others = [model for model in models if not is_ours(model)]
    muted = {model: MUTED[number % len(MUTED)] for number, model in enumerate(others)}
    return {model: muted.get(model, OURS) for model in models}


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
    """Write a PNG that depends on the picture alone; leave a file that shows the same picture as it is.

    Raises:
        ValueError: There is something else than a picture of this function.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_fifo() or path.exists() and not is_earlier(path):
        raise ValueError(f"{path} exists and is no PNG picture of plots.py; give another name, or remove it.")
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=150, metadata={"Software": None})
    plt.close(figure)
    drawn.seek(0)
    if path.exists() and looks_the_same(plt.imread(drawn, format="png"), plt.imread(path)):
        return
    with written_whole(path) as hidden:
        hidden.write_bytes(drawn.getvalue())


def is_earlier(path: Path) -> bool:
    """Whether a file looks like one of `save`: a PNG of 150 dpi that names no maker, as matplotlib's own do."""
    start = head(path)
    return start.startswith(PNG) and RESOLUTION in start and b"Software\0" not in start


def looks_the_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images (height, width, channels) differ in nothing but antialiasing, as between two versions.

    Antialiasing changes single pixels along edges, which hardly shows in the mean colour of a block of pixels. A
    changed label, or a dot or a line that was moved, does show.
    """
    if one.shape != other.shape:
        return False
    rows, columns = (np.arange(0, side, BLOCK) for side in one.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(one - other, rows, 0), columns, 1)  # over blocks
    return bool(np.abs(sums).max() / BLOCK**2 < SAME)
