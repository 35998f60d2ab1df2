"""Aims of the models: the worst of several metrics counts, rivals are of the same table, unmeasured is no miss."""

import pytest

from benchmarks.report.model_aims import AIMS, TUNED, WHOLE, render_model_aims
from tests.support.made_results import metric, result

OURS = "dnacse-barcode-mini"


def rows(tables):
    lines = (line.strip("|").split("|") for line in render_model_aims(tables).splitlines()[2:])
    return {aim.says: [cell.strip() for cell in cells[1:]] for aim, cells in zip(AIMS, lines, strict=True)}


def of(task, model, **values):
    return result(model, 0, task, metrics={name.replace("_at_", "@"): metric(value) for name, value in values.items()})


def test_without_results_nothing_is_met_or_missed():
    assert set(map(tuple, rows({}).values())) == {("not measured", "–", "–")}


@pytest.mark.parametrize(("ours", "verdict"), [(0.90, "met by 2.0 points"), (0.87, "missed by 1.0 points")])
def test_the_best_rival_of_the_same_table_counts(ours, verdict):
    tables = {
        WHOLE: [
            of("knn", OURS, genus_unseen=ours),
            of("knn", "vsearch", genus_unseen=0.85),
            of("knn", "blast", genus_unseen=0.80),
            of("knn", "sintax", genus_unseen=0.99),  # no rival of this aim
        ],
        TUNED: [of("knn", "blast", genus_unseen=0.99)],
    }
    found = rows(tables)["genus of unseen species: 3 points above alignment"]
    assert found[1:] == ["85.0 [83.0, 86.0] `vsearch`", verdict]


def test_few_shot_needs_every_number_of_shots():
    shots = {"macro_f1_at_1": 0.9, "macro_f1_at_2": 0.9, "macro_f1_at_5": 0.9, "macro_f1_at_10": 0.9}
    says = "few-shot classification: above k-mers at every number of shots"
    rival = of("few_shot", "kmer6", **shots | {"macro_f1_at_5": 0.91, "macro_f1_at_20": 0.5})
    assert rows({WHOLE: [of("few_shot", OURS, **shots), rival]})[says][0] == "not measured"
    found = rows({WHOLE: [of("few_shot", OURS, **shots, macro_f1_at_20=0.9), rival]})[says]
    assert found == ["90.0 [88.0, 91.0] (macro_f1 at 5)", "91.0 [89.0, 92.0] `kmer6`", "missed by 1.0 points"]


def test_no_worse_is_an_interval_that_reaches_the_rival():
    says = "seen species: no worse than vsearch"
    for rival, verdict in ((0.91, "met by 0.0 points"), (0.93, "missed by 2.0 points")):
        table = [of("knn", OURS, species_seen=0.9), of("knn", "vsearch", species_seen=rival)]
        assert rows({WHOLE: table})[says][2] == verdict


def test_a_draw_is_no_lead_and_the_rivals_may_have_another_metric():
    says = "clustering of unseen species, Ward AMI: above vsearch's clusters at 97 % identity"
    table = [of("species_clustering", OURS, ward_ami=0.9), of("species_clustering", "vsearch", cluster_ami=0.9)]
    assert rows({WHOLE: table})[says][2] == "missed by 0.0 points"
