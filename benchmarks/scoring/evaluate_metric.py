"""`Classification`, an `evaluate.Metric` for any Trainer or notebook: predicted and true classes in, their scores out.

Import the class; `evaluate.load` would look on the Hub. It stands apart, so that no task needs the package evaluate.
"""

import datasets
import evaluate
from sklearn.metrics import confusion_matrix

from benchmarks.scoring.classification_metrics import agreement


class Classification(evaluate.Metric):
    """Accuracy, macro F1 and Matthews correlation of predicted classes."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__ or "",
            citation="",
            inputs_description="predictions, references: a class, an integer, for each sequence",
            features=datasets.Features({key: datasets.Value("int64") for key in ("predictions", "references")}),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        values = agreement(confusion_matrix(references, predictions))
        return {name: float(value) for name, value in values.items()}
