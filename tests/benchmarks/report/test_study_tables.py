"""Studies as tables: seeds are averaged, and a figure that is missing is no number."""

import json

import pytest

from benchmarks.report.study_tables import (
    RENDERERS,
    render_curriculum,
    render_known_share,
    render_reliability,
    render_studies,
)


def scores(value):
    both = {"micro": 0.0, "species": value}
    forms = dict.fromkeys(("full", "300 bp", "150 bp", "5% errors"), both)
    return {"genus": forms, "family": forms, "species": forms, "auroc": {"full": value + 1}}


def test_seeds_of_an_arm_are_one_row():
    study = {"start: cosine": scores(50.0), "A, seed 0: cosine": scores(60.0), "A, seed 1: cosine": scores(62.0)}
    start, arm = render_curriculum(study).splitlines()[2:]
    assert start.startswith("| start | 1 | 50.0 |") and start.endswith("| 51.0 |")
    assert arm.startswith("| A | 2 | 61.0 ± 1.4 |") and arm.endswith("| 62.0 ± 1.4 |")


def test_a_rank_that_a_library_lacks_has_no_error():
    whole = {"species": {"calibration_error": 0.0312}, "genus": {"calibration_error": 0.01}}
    study = {"a": {"forms": {"whole": whole}}, "b": {"forms": {"whole": {"species": {"calibration_error": 0.5}}}}}
    assert render_reliability(study).splitlines()[2:] == [
        "| `a` | whole | 3.1 | 1.0 |",
        "| `b` | whole | 50.0 | – |",
    ]


def test_known_share_has_a_row_for_each_figure_of_a_method():
    shares = {
        "0.1": {"right": 0.951, "known_named": 0.3, "new_named": 0.01},
        "0.9": {"right": 0.9, "known_named": 0.88, "new_named": 0.02},
    }
    head, _, right, known, new, _, caption = render_known_share({"seeds": 3, "methods": {"m": shares}}).splitlines()
    assert head == "|  |  | 10% known | 90% known |" and caption == "Means over 3 libraries."
    assert right == "| `m` | names that are right | 95.1 | 90.0 |"
    assert known.endswith("| 30.0 | 88.0 |") and new.endswith("| 1.0 | 2.0 |")


@pytest.mark.parametrize(
    ("name", "study"), [(name, {}) for name in RENDERERS if name not in ("curriculum", "reliability")]
)
def test_a_study_with_other_content_is_named(tmp_path, name, study):
    (tmp_path / f"{name}.json").write_text(json.dumps(study))
    with pytest.raises(ValueError, match=f"{name}.json holds other values than this package writes .*; run the study"):
        render_studies(tmp_path)


def test_a_study_with_numbers_that_are_none_is_named(tmp_path):
    """It was written into the table as inf."""
    way = {"seconds": float("inf"), "cpu_seconds": 1.0}
    study = {"ways": {"a": way}, "queries": 1, "references": 1, "device": "CPU"}
    (tmp_path / "end_to_end.json").write_text(json.dumps(study))
    with pytest.raises(ValueError, match="end_to_end.json holds inf where a number belongs; run the study again"):
        render_studies(tmp_path)
