"""What all pictures of the commands have in common. matplotlib (extra `plot`) is imported only to draw."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...machine.earlier_outputs import check_replaced
from ...machine.pictures import EARLIER, save_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"  # by Okabe and Ito: distinct for colour-blind readers too


def add_dark_argument(parser: argparse.ArgumentParser) -> None:
    """Add --dark."""
    parser.add_argument("--dark", action="store_true", help="draw the picture in light colours on black")


@contextmanager
def colours_of_pages(dark: bool, path: Path | None) -> Iterator[None]:
    """Draw pictures for dark pages within this context, if `dark`.

    Raises:
        ValueError: there is no picture to draw.
    """
    if not dark:
        yield
        return
    if path is None:
        raise ValueError("--dark changes the colours of --plot; also give --plot FILE")
    from matplotlib.style import context

    with context("dark_background"):
        yield


def check_plot(path: Path | None, force: bool | None = None) -> None:
    """Check that a picture can be drawn, before hours of computing; None: there is no picture.

    Raises:
        ValueError: the suffix is unknown, another kind of file exists and `force` is not given, or matplotlib is
            not installed.
    """
    if path is None:
        return
    if path.suffix not in EARLIER:
        raise ValueError(f'{path}: the suffix "{path.suffix}" is not of a picture; write to {", ".join(EARLIER)}')
    check_replaced(path, EARLIER[path.suffix], f"a {path.suffix} picture of dnacse", force)
    if find_spec("matplotlib") is None:
        raise ValueError("--plot draws with matplotlib, which is not installed: pip install 'dnacse[plot]'")


def save(figure: "Figure", path: Path) -> None:
    """Write a picture."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    save_picture(figure, path)
