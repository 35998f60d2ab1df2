"""References that a query cannot tell apart: the call is at their lowest common ancestor."""

import numpy as np
import torch

from modeling_dnacse.identification.calibration.cases import CalibrationData
from modeling_dnacse.identification.calibration.fit import Calibration
from modeling_dnacse.identification.calibration.probability_curves import Curve
from modeling_dnacse.identification.call_rules import call_rule
from modeling_dnacse.identification.candidates import nearest_named
from modeling_dnacse.identification.encoding import Encoded
from modeling_dnacse.identification.library import Library, Matches, agreed_ranks, equal_hits
from modeling_dnacse.identification.naming import name_queries, rank_of_call
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.vectors.at_sites import AtSites
from modeling_dnacse.vectors.shared_sites import Found

NAMES = {"species": np.array(["A a", "A b", "B c"]), "genus": np.array(["A", "B"])}
CODES = np.array([[0, 1, 2], [0, 0, 1]], np.int32)


def at_sites(*rows: str) -> AtSites:
    bases = np.array([[".ACGT".index(base) - 1 if base != "." else OTHER for base in row] for row in rows], np.uint8)
    count = len(rows)
    return AtSites(bases, np.ones(count, np.float32), np.ones(count, bool), np.zeros(count, bool))


def matched(rows: np.ndarray, similarities: np.ndarray) -> Matches:
    """Matches by vectors (ranks, q, 2), all as close."""
    unknown = np.full(rows.shape, np.nan, np.float32), np.zeros(rows.shape, np.int32)
    return Matches(rows, similarities, np.ones(rows.shape[1]), *unknown)


def asked(*queries: str) -> tuple[Library, np.ndarray, np.ndarray]:
    """A library of three species that differ at two places: the library, which are equal, and where they agree."""
    references = Encoded(None, at_sites("ACGTACGTAA", "ACGTACGTCC", "ACGTTTTTCC"))
    library = Library(references, torch.zeros(0), NAMES, CODES)
    count = len(queries)
    rows = np.tile(np.arange(3), (count, 1))
    found = Found(rows, *(np.zeros((count, 3)) for _ in Found._fields[1:]))
    equal = equal_hits(library, Encoded(None, at_sites(*queries)), found)
    nothing = matched(np.zeros((2, count, 2), int), np.zeros((2, count, 2), np.float32))
    return library, equal, agreed_ranks(library, nothing, found, equal)


def test_what_a_query_covers_decides():
    _, equal, agreed = asked("ACGTACGTAA", "ACGTACGT..", "ACGT......", "GCGTACGT..")
    assert equal.tolist() == [[True, False, False], [True, True, False], [True, True, True], [True, True, False]]
    assert agreed.T.tolist() == [[True, True], [False, True], [False, False], [False, True]]


def test_a_reference_that_shares_few_of_the_sites_is_no_evidence():
    references = Encoded(None, at_sites("ACGTACGTAA", "ACGT......"))
    library = Library(references, torch.zeros(0), {"species": NAMES["species"]}, np.array([[0, 1]]))
    found = Found(np.array([[0, 1]]), *(np.zeros((1, 2)) for _ in Found._fields[1:]))
    assert equal_hits(library, Encoded(None, at_sites("ACGTACGTAA")), found).tolist() == [[True, False]]


def test_a_sure_species_is_called_at_the_common_ancestor_by_vectors_too():
    """Both references are as near, and the curve is sure of any name."""
    similarities = np.full((2, 1, 2), 0.9, np.float32)
    similarities[1, 0, 1] = 0.1
    rows = np.array([[[0, 1]], [[0, 2]]])
    matches = matched(rows, similarities)
    library = Library(Encoded(np.zeros((3, 1), np.float32), None), torch.zeros(0), NAMES, CODES)
    sure = Curve(np.array([0.0, 1.0]), np.array([0.97, 0.99]))
    calibration = Calibration([sure, sure], None, np.ones(3) / 3)
    case = np.ones((2, 1), bool)
    few = CalibrationData(np.ones(1), np.ones((2, 1)), np.ones(1), case, case, *np.zeros((2, 1), int))
    agreed = agreed_ranks(library, matches, None, None)
    assert rank_of_call(name_queries(library, few, calibration, matches), 0.95).tolist() == [0]
    names = name_queries(library, few, calibration, matches, agreed)
    assert rank_of_call(names, 0.95).tolist() == [1]
    least = call_rule(confidence={"genus": 0.995}).at(("species", "genus"))
    assert rank_of_call(names, least).tolist() == [-1]


def test_a_site_that_one_reference_lacks_tells_no_references_apart():
    whole = at_sites("ACGT" * 5, "." + "CGTA" * 4 + "CGT", "T" + "CGTA" * 4 + "CGT")
    library = Library(Encoded(None, whole), torch.empty(0), {}, np.empty((0, 3)))
    rows = np.array([[0, 1, 2]])
    found = Found(rows, *[np.ones((1, 3))] * 4)
    equal = equal_hits(library, Encoded(None, at_sites("ACGT" * 5)), found)
    assert equal.tolist() == [[True, True, False]]


def test_the_first_reference_of_the_library_is_a_neighbour_as_any_other():
    score = np.array([[0.9, 0.5, 0.3]])
    found = Found(np.array([[1, 0, 2]]), score, score, score, np.full((1, 3), 600))
    rows, similarities, *_ = nearest_named(found, np.array([[0, 1, 1]]), is_all=False)
    assert rows.tolist() == [[[1, 0]]] and similarities[0, 0, 1] == 0.5
