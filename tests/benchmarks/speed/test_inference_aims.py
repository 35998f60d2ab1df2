"""The aims of embedding: each stands in the table, met, missed, not measured, or waiting for a GPU."""

import pytest

from benchmarks.report.speed_aims import BASE, INT8, ON_H100, PACKED, PLAIN, render_aims


@pytest.fixture
def measured() -> dict:
    def arms(packed, int8, busy):
        return {
            PLAIN: {"ratio": 1.0, "utilisation": 0.5, "busy": 0.5},
            PACKED: {"ratio": packed, "busy": busy, "utilisation": 0.6},
            INT8: {"ratio": int8, "busy": 0.1, "utilisation": 1.2},
        }

    long = {PLAIN: {"added_memory_mb": 600.0}, PACKED: {"added_memory_mb": 150.0, "busy": 0.99}}
    base = {
        "660 bp": {"arms": arms(9.0, 9.0, 0.76)},
        "mixed, coi": {"arms": arms(1.43, 1.5, 0.99)},
        "5,000 tokens": {"arms": long},
    }
    ways = {
        "ours, packed, references embedded": {"wall_seconds": 12.0},
        "ours, packed, references cached": {"wall_seconds": 7.0},
        "ours, int8, references cached": {"wall_seconds": 6.0},
        "vsearch": {"wall_seconds": 8.0},
    }
    return {
        "models": {
            BASE: {"workloads": base},
            "mini": {"workloads": {"mixed, coi": {"arms": arms(3.0, 3.0, 0.98) | {PLAIN: {"utilisation": 0.25}}}}},
        },
        "end_task": {"queries": 10_000, "references": 9_000, "model": "mini", "ways": ways},
    }


def rows(measured) -> dict:
    table, _, said = render_aims(measured).partition("\n\n")
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert {len(row) for row in cells if row[0] != "---|---|---"} == {3}
    return {row[0]: tuple(row[1:]) for row in cells} | {"said": said}


def test_every_aim_is_judged_by_its_own_figure(measured):
    found = rows(measured)
    assert found[f"{BASE}, mixed lengths: ours, packed at least 1.3 × as fast as the plain way"] == (
        "1.43 ×",
        "met by 10.0%",
    )
    assert found[f"{BASE}, mixed lengths: ours, int8 at least 2 × as fast as the plain way"] == (
        "1.50 ×",
        "missed by 25.0%",
    )
    memory = f"{BASE}, one sequence of 5,000 tokens: ours, packed adds at most 1/3 of the plain way's memory"
    assert found[memory] == ("0.25 (150 MB of 600)", "met by 25.0%")
    assert found["ours, packed: model busy at least 95% of the time"] == (
        f"76.0% at the least ({BASE}, 660 bp)",
        "missed by 20.0%",
    )
    asked = "identifying 10,000 barcodes by 9,000, references {}: less time than vsearch"
    assert found[asked.format("cached")] == ("6.0 s (mini, ours, int8), vsearch 8.0 s", "met by 25.0%")
    assert found[asked.format("embedded")] == ("12.0 s (mini, ours, packed), vsearch 8.0 s", "missed by 50.0%")
    assert [found[aim] for aim in ON_H100] == [("waiting for a GPU", "–")] * 3
    assert "uses 50% (base size) and 25% (mini) on mixed lengths" in found["said"]
    assert found["said"].endswith(
        "no way in float32 can be more than 2.00 × as fast (base size) and 4.00 × as fast (mini)."
    )


def test_what_was_not_measured_is_no_aim_met(measured):
    found = rows(measured | {"models": {}, "end_task": {}})
    verdicts = [row[1] for aim, row in found.items() if aim not in ("aim", "said", "---|---|---")]
    assert len(verdicts) == 9 and set(verdicts) == {"–"}
    assert "not measured" in found["said"]
    measured["end_task"]["ways"].pop("vsearch")
    assert rows(measured)["identifying barcodes, references cached: less time than vsearch"][0] == "not measured"
