"""The overview: the best other method counts, random weights do not, and a verdict is a test of the difference."""

import pytest

from benchmarks.methods.networks import UNTRAINED
from benchmarks.methods.parts import PARTS
from benchmarks.report.model_aims import BARCODES, GENOMES
from benchmarks.report.overview_tables import QUESTIONS, compare, render_overview
from benchmarks.report.result_files import CONTROLS
from tests.support.made_results import metric, result

SEEN = ("knn", ("species_seen",))


@pytest.mark.parametrize(
    ("rival", "said"),
    [(0.87, "ahead"), (0.88, "no significant difference"), (0.92, "no significant difference"), (0.93, "behind")],
)
def test_a_lead_is_a_difference_whose_interval_excludes_0(rival, said):
    rows = [
        result(BARCODES, 0.9),
        result("kmer6", rival),
        result("tnf", 0.1),
    ]  # ±1.5, together ±2.1
    cell, verdict = compare(rows, BARCODES, *SEEN)
    assert verdict == said
    assert cell.startswith(f"90.0 vs {100 * rival:.1f} `kmer6`: ")
    assert cell.endswith("]") == (said == "no significant difference")


def test_without_an_interval_there_is_no_verdict_but_a_difference():
    rows = [result(BARCODES, 0.9), result("kmer6", 0, metrics={"species_seen": {"value": 0.5}})]
    assert compare(rows, BARCODES, *SEEN) == (
        "90.0 vs 50.0 `kmer6`: +40.0",
        "no significant difference",
    )


def test_random_weights_are_no_rival_and_without_one_nothing_is_compared():
    assert set(CONTROLS) == {UNTRAINED, *PARTS}
    assert compare([result(BARCODES, 0.9), result(f"{UNTRAINED}it", 0.95)], BARCODES, *SEEN) == (
        "–",
        "",
    )
    assert compare([result("tnf", 0.9), result("kmer6", 0.95)], BARCODES, *SEEN) == ("–", "")


def test_clusters_of_a_tool_answer_the_question_that_ward_answers_for_vectors():
    rows = [
        result(GENOMES, 0, "species_clustering", metrics={"ward_ami": metric(0.9)}),
        result("vsearch", 0, "species_clustering", metrics={"cluster_ami": metric(0.95)}),
    ]
    cell, verdict = compare(rows, GENOMES, *QUESTIONS["clusters of unseen species, AMI"])
    assert cell == "90.0 vs 95.0 `vsearch`: −5.0 [−7.1, −2.9] *behind*" and verdict == "behind"


def test_verdicts_are_counted_over_the_data():
    seen = [result(BARCODES, 0.9), result("tnf", 0.5)]
    text = render_overview({"coi.test": seen, "its.test": [result(BARCODES, 0.9), result("tnf", 0.95)], "other": seen})
    assert text.count("\n| ") == 2  # of the three tables
    assert text.endswith("Of 2 comparisons: ahead in 1, behind in 1, no significant difference in 0.\n")
