"""The record `Task`: the title, headline, columns and curves by which tables and pictures show a task."""

from collections.abc import Mapping
from typing import NamedTuple


class Panel(NamedTuple):
    """How a curve is drawn."""

    title: str
    unit: str  # of its abscissa
    scale: str = "linear"  # or log
    percent: bool = False  # whether the abscissa is a share
    priority: int = 0  # if not all curves fit, those with the lowest number are drawn


class Task(NamedTuple):
    """What tables and pictures show of a task: a few of its many metrics, most of which are points of curves.

    A metric goes with its heading. In `columns` a name that ends in @ is a curve, of which the first and the last
    point are shown: use it where the points depend on the data; its heading then takes the abscissa. A column or a
    panel whose metric no result has is left out.
    """

    title: str
    headline: str  # the one metric that represents the task
    columns: Mapping[str, str]  # columns of its table
    bars: Mapping[str, str] = {}  # headline panels, one per metric
    curves: Mapping[str, Panel] = {}  # one panel per curve
    unranked: tuple[str, ...] = ()  # columns in which more is not better, so that no best one is marked
    note: str = ""  # what a reader of the table must know, below it
    costed: bool = False  # whether embedding and searching are most of the work, so that the table shows costs
