"""The tasks, one file each.

The docstring of a file describes the task. `SPLITS` names the splits that `score` takes, `score` computes the metrics,
and `TASK` says what tables and pictures show (see task.py). A task with a data format of its own also has `read`.
"""

from types import ModuleType

from benchmarks.tasks import (
    bin,
    binning,
    cluster,
    dimensions,
    few_shot,
    identify,
    knn,
    length,
    mutation,
    open_set,
    species_clustering,
    strand,
    zero_shot_clustering,
)
from benchmarks.tasks.classification import fine_tune, genomic_benchmarks, gue, linear_probe

# in the order of tables and pictures
TASKS: dict[str, ModuleType] = {
    "knn": knn,
    "species_clustering": species_clustering,
    "cluster": cluster,
    "zero_shot_clustering": zero_shot_clustering,
    "few_shot": few_shot,
    "linear_probe": linear_probe,
    "fine_tune": fine_tune,
    "open_set": open_set,
    "identify": identify,
    "binning": binning,
    "bin": bin,
    "strand": strand,
    "length": length,
    "mutation": mutation,
    "dimensions": dimensions,
    "gue": gue,
    "genomic_benchmarks": genomic_benchmarks,
}
