"""Aims of the models: the worst of several metrics counts, rivals are of the same table, unmeasured is no miss."""

import pytest

from benchmarks.report.model_aims import AIMS, COI, CONTIGS, render_model_aims
from tests.support.made_results import metric, result

OURS = "dnacse-barcode-mini"


def rows(tables):
    lines = (line.strip("|").split("|") for line in render_model_aims(tables).splitlines()[2:])
    return {aim.says: [cell.strip() for cell in cells[1:]] for aim, cells in zip(AIMS, lines, strict=True)}


def of(task, model, **values):
    return result(model, 0, task, metrics={name.replace("_at_", "@"): metric(value) for name, value in values.items()})


def test_without_results_nothing_is_met_or_missed():
    assert set(map(tuple, rows({}).values())) == {("not measured", "–", "–", "–")}


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (0.90, "met by 2.0 points"),
        (0.87, "missed by 1.0 points, which may be chance"),  # the difference is between 0.3 and 4.5
        (0.82, "missed by 6.0 points"),
    ],
)
def test_the_best_rival_of_the_same_table_counts(ours, verdict):
    tables = {
        COI: [
            of("knn", OURS, genus_unseen=ours),
            of("knn", "vsearch", genus_unseen=0.85),
            of("knn", "blast", genus_unseen=0.80),
            of("knn", "untrained:small", genus_unseen=0.99),  # no rival
        ],
        CONTIGS: [of("knn", "blast", genus_unseen=0.99)],
    }
    found = rows(tables)["genus of unseen species: 3 points above all other methods"]
    assert found[1] == "85.0 [83.0, 86.0] `vsearch`" and found[3] == verdict


def test_few_shot_needs_every_number_of_shots():
    shots = {"macro_f1_at_1": 0.9, "macro_f1_at_2": 0.9, "macro_f1_at_5": 0.9, "macro_f1_at_10": 0.9}
    says = "few-shot classification: all other methods or better at every number of shots"
    rival = of("few_shot", "kmer6", **shots | {"macro_f1_at_5": 0.95, "macro_f1_at_20": 0.5})
    assert rows({COI: [of("few_shot", OURS, **shots), rival]})[says][0] == "not measured"
    found = rows({COI: [of("few_shot", OURS, **shots, macro_f1_at_20=0.9), rival]})[says]
    assert found[:2] == ["90.0 [88.0, 91.0] (macro_f1 at 5)", "95.0 [93.0, 96.0] `kmer6`"]
    assert found[2:] == ["−5.0 [−7.1, −2.9]", "missed by 5.0 points"]


def test_a_draw_is_enough_and_the_rivals_may_have_another_metric():
    says = "the same: vsearch's own clusters at 97 % identity or better"
    table = [of("species_clustering", OURS, ward_ami=0.9), of("species_clustering", "vsearch", cluster_ami=0.9)]
    assert rows({COI: table})[says][3] == "met by 0.0 points"


def test_some_times_as_good():
    says = "contigs, K-means ARI: 1.5 times that of tetranucleotides"
    scores = {"dnacse-genome-mini": 0.8, "tnf": 0.5}
    table = [of("species_clustering", model, kmeans_ari=value) for model, value in scores.items()]
    assert rows({CONTIGS: table})[says][2:] == ["+5.0 [+2.3, +7.7]", "met by 5.0 points"]
