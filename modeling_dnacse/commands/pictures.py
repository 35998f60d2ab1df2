"""What the pictures of the commands share. They need matplotlib (extra `plot`), which is imported only to draw."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..machine.atomic import written_whole
from ..machine.outputs import check_replaced

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"  # by Okabe and Ito: distinct for colour-blind readers too
BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}  # suffix -> first bytes of the file


def check_plot(path: Path | None, force: bool | None = None) -> None:
    """Check before hours of computing that a picture can be drawn; None: no picture is wanted.

    Raises:
        ValueError: the suffix is unknown, another kind of file is there without `force`, or matplotlib is not
            installed.
    """
    if path is None:
        return
    if path.suffix not in BEGINNINGS:
        raise ValueError(f'{path}: the suffix "{path.suffix}" is no picture\'s; write to {", ".join(BEGINNINGS)}')
    check_replaced(path, BEGINNINGS[path.suffix], f"a {path.suffix} picture", force)
    if find_spec("matplotlib") is None:
        raise ValueError("--plot draws with matplotlib, which is not installed: pip install 'dnacse[plot]'")


def save(figure: "Figure", path: Path) -> None:
    """Write a picture."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    with written_whole(path) as hidden:
        figure.savefig(hidden, format=path.suffix[1:], dpi=150)
