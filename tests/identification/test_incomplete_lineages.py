"""Ranks that a library's records lack contradict no other rank, in the table and in the formats of other tools."""

import math

import numpy as np
import torch

from modeling_dnacse.identification.calibration.cases import CalibrationData
from modeling_dnacse.identification.calibration.fit import Calibration
from modeling_dnacse.identification.calibration.probability_curves import Curve
from modeling_dnacse.identification.call_table import Call
from modeling_dnacse.identification.encoding import Encoded
from modeling_dnacse.identification.formats import lineage
from modeling_dnacse.identification.library import Library, Matches
from modeling_dnacse.identification.naming import name_queries
from modeling_dnacse.identification.queries import Query

RANKS = ("species", "genus", "order", "class")


def test_a_rank_without_a_name_has_no_probability_and_lowers_none():
    """No candidate has an order, as of snails in BOLD: the class had the probability 0.03 above a genus with 0.97."""
    codes = np.array([[0], [0], [-1], [0]])
    library = Library(
        Encoded(np.zeros((1, 1)), None), torch.zeros(0), {rank: np.array([rank]) for rank in RANKS}, codes
    )
    rows, similarities = np.zeros((4, 1, 2), int), np.zeros((4, 1, 2), np.float32)
    rows[2], rows[:, :, 1] = -1, -1
    similarities[:, :, 0], similarities[2] = 0.9, -np.inf
    unknown = np.full(rows.shape, np.nan, np.float32), np.zeros(rows.shape, np.int32)
    matches = Matches(rows, similarities, np.ones(1), *unknown)
    sure = Curve(np.array([0.0, 1.0]), np.array([0.97, 0.97]))
    case = np.ones((4, 1), bool)
    data = CalibrationData(np.zeros(1), np.ones((4, 1)), np.ones(1), case, case, *np.zeros((2, 1), int))
    named = name_queries(library, data, Calibration([sure] * 4, None, np.ones(5) / 5), matches)
    np.testing.assert_allclose(named.probabilities[:, 0], [0.97, 0.97, np.nan, 0.97])


def test_a_name_of_another_lineage_is_not_written_above_the_call():
    """The genus has no order; that of another genus is near, and the table shows it with its low probability."""
    call = Call(Query("a", "AC", 1), False, 1, ["A a", "A", "B", "C"], [0.4, 0.98, 0.02, 0.98], 0.5, {}, "", [])
    assert lineage(call, RANKS) == ["c__C", "o__", "g__A"]
    uncalibrated = call._replace(probabilities=[0.4, 0.98, math.nan, 0.98])
    assert uncalibrated.called_names() == ["", "A", "B", "C"]
