"""The overview: the best other method counts, random weights do not, and an interval that holds it is no lead."""

import pytest

from benchmarks.methods.networks import UNTRAINED
from benchmarks.report.model_aims import BARCODES, GENOMES
from benchmarks.report.overview_tables import QUESTIONS, RANDOM, compare, render_overview
from tests.support.made_results import metric, result


@pytest.mark.parametrize(("rival", "sign"), [(0.87, ">"), (0.89, "≈"), (0.91, "≈"), (0.92, "<")])
def test_a_lead_is_outside_of_our_interval(rival, sign):
    rows = [result(BARCODES, 0.9), result("kmer6", rival), result("tnf", 0.1)]  # ours from 88 to 91
    assert compare(rows, "knn", ("species_seen",)) == f"90.0 {sign} {100 * rival:.1f} `kmer6`"


def test_random_weights_are_no_rival_and_without_one_nothing_is_compared():
    assert RANDOM == UNTRAINED
    assert compare([result(BARCODES, 0.9), result(f"{UNTRAINED}it", 0.95)], "knn", ("species_seen",)) == "–"
    assert compare([result("tnf", 0.9), result("kmer6", 0.95)], "knn", ("species_seen",)) == "–"


def test_clusters_of_a_tool_answer_the_question_that_ward_answers_for_vectors():
    rows = [
        result(GENOMES, 0, "species_clustering", metrics={"ward_ami": metric(0.9)}),
        result("vsearch", 0, "species_clustering", metrics={"cluster_ami": metric(0.95)}),
    ]
    assert compare(rows, *QUESTIONS["clusters of unseen species, AMI"]) == "90.0 < 95.0 `vsearch`"


def test_verdicts_are_counted_over_the_data():
    seen = [result(BARCODES, 0.9), result("tnf", 0.5)]
    text = render_overview({"coi.test": seen, "its.test": [result(BARCODES, 0.9), result("tnf", 0.95)], "other": seen})
    assert text.count("\n| ") == 2  # of the three tables
    assert text.endswith("Of 2 comparisons: ahead in 1, level in 0, behind in 1.\n")
