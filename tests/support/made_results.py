"""Made results for the tests of tables and pictures."""

from benchmarks.report.result_files import FIELDS


def metric(value: float) -> dict:
    return {"value": value, "interval": [value - 0.02, value + 0.01], "scored": 10, "left_out": 0}


def result(model: str, species: float, task: str = "knn", **changes) -> dict:
    empty = {kind: kind() for kind in (int, str, dict)}
    fields = {field: empty.get(kind) for field, kind in FIELDS.items() if isinstance(kind, type)}
    return (
        fields
        | {
            "schema_version": 2,
            "task": task,
            "model": model,
            "data": "coi.tsv.gz",
            "evaluation_split": "test",
            "max_sequences": None,
            "metrics": {"species_seen": metric(species)},
        }
        | changes
    )
