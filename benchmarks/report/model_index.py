"""A model card in, the same card with its results as metadata out: the `model-index` that the Hub shows.

It holds the figures of the model in the card's tables: each `<!-- results:DATA.SPLIT:TASK -->` gives one entry for
each column of the task.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard

from benchmarks.report.result_folders import Result
from benchmarks.tasks import TASKS

SHOWN = r"<!-- results:(?P<table>(?P<data>[^\s:]+)\.(?P<split>\w+)):(?P<task>\w+) -->"


def with_model_index(text: str, model: str, tables: Mapping[str, Sequence[Result]]) -> str:
    """Replace the results in the metadata of a card.

    Args:
        text: Text of the card.
        model: Name of the model in the results.
        tables: Results by the name of their table.
    """
    entries = [
        EvalResult(
            task_type="feature-extraction",
            task_name=TASKS[shown["task"]].TASK.title,
            dataset_type=shown["data"],
            dataset_name=f"{result['data']} of benchmarks/DATA.md",
            dataset_config=shown["task"],  # without it, the Hub takes all tasks for one
            dataset_split=shown["split"],
            dataset_revision=result["data_sha256"],
            metric_type=metric,
            metric_name=heading,
            metric_value=round(result["metrics"][metric]["value"], 4),
        )
        for shown in re.finditer(SHOWN, text)
        for result in tables.get(shown["table"], ())
        if result["model"] == model and result["task"] == shown["task"]
        for metric, heading in TASKS[shown["task"]].TASK.columns.items()
        if metric in result["metrics"]
    ]
    card = ModelCard(text, ignore_metadata_errors=True)  # what is replaced may be wrong
    data: Any = card.data  # its class depends on the kind of card
    data.model_name, data.eval_results = model, entries
    data.metrics = sorted({entry.metric_type for entry in entries})
    return str(card)
