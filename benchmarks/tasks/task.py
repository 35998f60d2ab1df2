"""What every task's file says about the task beside how it is scored: the record `Task`."""

from collections.abc import Mapping
from typing import NamedTuple


class Panel(NamedTuple):
    """How a curve is drawn."""

    title: str
    unit: str  # of its abscissa
    scale: str = "linear"  # or log
    percent: bool = False  # whether the abscissa is a share
    priority: int = 0  # where there is no room for all curves, those of the lowest number are drawn


class Task(NamedTuple):
    """What tables and pictures show of a task: of its many metrics, most of them points of curves, a few.

    A metric goes with its heading. In `columns` a name that ends in @ is a curve, of which the first and the last
    point are shown: use it where the points depend on the data; its heading then takes the abscissa. A column or a
    panel whose metric no result has is left out.
    """

    title: str
    headline: str  # the one metric that stands for the task
    columns: Mapping[str, str]  # of its table
    bars: Mapping[str, str] = {}  # a panel of bars each
    curves: Mapping[str, Panel] = {}  # a panel each
    unranked: tuple[str, ...] = ()  # columns in which more is not better, so that no best one is marked
    note: str = ""  # what a reader of the table must know, below it
    costed: bool = False  # whether embedding and searching are most of the work, so that the table shows costs
