"""Draw an ablation: what each part of the training contributes, as a dot plot of several seeds.

One row an arm, one panel a metric: small rings are the seeds, the filled dot is their mean, and the line through the
panel is the arm of which the others change one thing. Arms are in the order of the first panel. A difference below the
spread of the rings is not evidence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from benchmarks.report.plots.style import GREY, OURS, clean

PANELS = {
    ("knn", "species_seen"): "1-NN species, seen",
    ("knn", "genus_unseen"): "1-NN genus, unseen species",
    ("species_clustering", "ward_ami"): "Ward AMI, unseen species",
}
BASE = "curriculum"


def find_arms(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Collect each metric's values over the seeds, in per cent: heading -> arm -> values.

    >>> metrics = {"genus_unseen": {"value": 0.5, "per_seed": [0.25, 0.75]}}
    >>> find_arms([{"task": "knn", "model": "i_mix", "trained": 2, "metrics": metrics}])
    {'1-NN genus, unseen species': {'i_mix': [25.0, 75.0]}}
    """
    panels = {
        heading: {
            result["model"]: [100 * value for value in result["metrics"][metric]["per_seed"]]
            for result in results
            if result["task"] == task and "trained" in result and metric in result["metrics"]
        }
        for (task, metric), heading in PANELS.items()
    }
    return {heading: arms for heading, arms in panels.items() if arms}


def plot_ablation(name: str, results: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the arms of one table.

    Args:
        name: What the table is called.
        results: Its results, those of an arm's seeds merged (`result_folders.merge_seeds`).

    Raises:
        ValueError: No result is of an arm with seeds.
    """
    panels = find_arms(results)
    if not panels:
        raise ValueError(f"the results {name} have no model called ARM#SEED: an ablation has some of each arm.")
    means = {arm: float(np.mean(values)) for arms in reversed(panels.values()) for arm, values in arms.items()}
    arms = sorted(means, key=lambda arm: (-means[arm], arm))
    figure, row = plt.subplots(
        1, len(panels), figsize=(3.2 * len(panels) + 1.8, 0.3 * len(arms) + 1.5),
        squeeze=False, sharey=True, layout="constrained",
    )  # fmt: skip
    for axes, (heading, by_arm) in zip(row[0], panels.items(), strict=True):
        if BASE in by_arm:
            axes.axvline(np.mean(by_arm[BASE]), color=GREY, linewidth=1.2, zorder=0)
        for place, arm in enumerate(arms):
            values = by_arm.get(arm, [])
            axes.scatter(values, [place] * len(values), s=36, facecolors="none", edgecolors="#777777", linewidths=1)
            if values:
                axes.scatter(np.mean(values), place, s=55, color=OURS.colour, zorder=3)
        axes.set(yticks=range(len(arms)), yticklabels=arms, ylim=(len(arms) - 0.5, -0.5))
        axes.set_title(heading, fontsize=12)
        axes.set_xlabel("per cent", fontsize=11)
        axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0, labelsize=11.5)
        axes.tick_params(axis="x", labelsize=10.5)
        clean(axes)
    figure.suptitle(f"{name}: rings are seeds, dots their means, the line is {BASE}", fontsize=13)
    return figure
