"""Compare two results on the same metric: two scores in, the difference with its 95 % interval out."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.scoring.paired import ANSWERS, paired_difference

TEST = (
    "Both methods had the same queries. Where a result holds each query's answer, the interval is a paired bootstrap "
    "over species. Elsewhere it is that of the difference of two independent estimates (normal approximation), which "
    "calls fewer differences significant."
)


class Score(NamedTuple):
    """What one model scored in one metric."""

    model: str
    metric: Mapping[str, Any]  # value and interval
    answers: Mapping[str, str] | None = None  # as `pack` writes them, where the result holds them


def score_of(result: Mapping[str, Any], metric: str) -> Score:
    """The score of a result in one of its metrics."""
    return Score(result["model"], result["metrics"][metric], result.get(ANSWERS, {}).get(metric))


def difference(ours: Score, rival: Score) -> tuple[float, float, float]:
    """Subtract the rival's score from ours.

    Args:
        ours: Score of our model.
        rival: Score of the other one.

    Returns:
        The difference and the bounds of its 95 % interval, by `paired_difference` where both hold their answers to the
        same queries. Otherwise the half-widths h1 and h2 of the two intervals give sqrt(h1² + h2²); without both
        intervals the bounds are NaN.

    >>> ours, rival = ({"value": 0.8, "interval": [0.77, 0.83]}, {"value": 0.9, "interval": [0.86, 0.94]})
    >>> [round(number, 3) for number in difference(Score("ours", ours), Score("blast", rival))]
    [-0.1, -0.15, -0.05]
    """
    if ours.answers and rival.answers and ours.answers["queries"] == rival.answers["queries"]:
        return paired_difference(ours.answers, rival.answers)
    value = ours.metric["value"] - rival.metric["value"]
    half_width = math.hypot(*(half_of_interval(score.metric) for score in (ours, rival)))
    return value, value - half_width, value + half_width


def half_of_interval(metric: Mapping[str, Any]) -> float:
    """Half the width of a metric's interval; NaN where it has none."""
    low, high = metric.get("interval", (math.nan, math.nan))
    return (high - low) / 2


def format_difference(value: float, low: float, high: float) -> str:
    """Write a difference and its interval in points (hundredths).

    >>> format_difference(-0.032, -0.094, 0.03)
    '−3.2 [−9.4, +3.0]'
    """
    shown = [f"{100 * number:+.1f}".replace("-", "−") for number in (value, low, high)]
    return shown[0] if math.isnan(low) else f"{shown[0]} [{shown[1]}, {shown[2]}]"


def verdict(low: float, high: float) -> str:
    """Interpret the interval of a difference.

    >>> verdict(0.01, 0.03), verdict(-0.03, -0.01), verdict(-0.1, 0.1)
    ('ahead', 'behind', 'no significant difference')
    """
    return "ahead" if low > 0 else "behind" if high < 0 else "no significant difference"
