"""The order of a library and of queries changes no call."""

import numpy as np
import pytest

import modeling_dnacse.identification.calibration.cases as module
from modeling_dnacse import Identifier
from modeling_dnacse.identification.identifier import Identifier as Opened
from tests.support.marker import simulate_marker, write_marker

pandas = pytest.importorskip("pandas")
LIBRARY = [record for number, record in enumerate(simulate_marker(seed=1)) if number % 3]
QUERIES = [*simulate_marker(seed=1)[::3], *simulate_marker(seed=2, genera=4)]


def opened(model, folder, records) -> Opened:
    return Identifier.from_fasta(write_marker(folder / "library.tsv", records), model=str(model))


def calls(identifier, records):
    """The call table, in the order of `QUERIES`."""
    table = identifier.identify(
        (record["sequence"] for record in records), [record["id"] for record in records], expected_new=0.5
    )
    return table.set_index("id").loc[[record["id"] for record in QUERIES]]


@pytest.mark.parametrize("most", [1500, 40])
@pytest.mark.parametrize("model", ["site_folder", "tiny_folder"])
def test_neither_the_order_of_references_nor_of_queries_changes_a_call(model, most, request, tmp_path, monkeypatch):
    """Records were drawn, and cut to queries, by their numbers: 2 of 18 calls moved from family to order."""
    monkeypatch.setattr(module, "MOST_RECORDS", most)
    folder, rng = request.getfixturevalue(model), np.random.default_rng(0)
    expected = calls(opened(folder, tmp_path, LIBRARY), QUERIES)
    shuffled = [LIBRARY[row] for row in rng.permutation(len(LIBRARY))]
    asked = [QUERIES[row] for row in rng.permutation(len(QUERIES))]
    for found in (
        calls(opened(folder, tmp_path, shuffled), QUERIES),
        calls(opened(folder, tmp_path, LIBRARY), asked),
    ):
        pandas.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-4)
