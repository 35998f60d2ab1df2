"""Say in words how one model stands against others: a folder of result files in, a line a metric out.

    python benchmarks/report/verdict.py --results demo/results --model model --untrained untrained:model

Against its untrained self the model must win on the headline metrics (those of the tables, in headlines.py) taken
together, by their mean; if it does not, the exit status is 1. Against the baselines it may stand wherever it stands.
What only baselines have, as the clusters that a tool finds by itself, is no comparison and left out.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.report.headlines import TITLES, UNRANKED, by_tasks, headings
from benchmarks.report.result_folders import read_tables

Scores = Mapping[str, Mapping[str, float]]  # headline metric -> model -> value


def headline_scores(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The headline metrics of every model, in the order of the tables.

    >>> run = {"task": "knn", "model": "tnf", "metrics": {"species_seen": {"value": 0.5}, "mean": {"value": 0.2}}}
    >>> headline_scores([run])
    {'1-nearest-neighbour accuracy: species, seen': {'tnf': 0.5}}
    """
    scores: dict[str, dict[str, float]] = {}
    for task, chosen in by_tasks(results).items():
        for metric, heading in headings(task, chosen).items():
            if metric not in UNRANKED:
                scores[f"{TITLES.get(task, task)}: {heading}"] = {
                    result["model"]: result["metrics"][metric]["value"]
                    for result in chosen
                    if metric in result["metrics"]
                }
    return scores


def compare(scores: Scores, model: str, untrained: str) -> dict[str, Mapping[str, float]]:
    """Choose the metrics that both the model and its untrained self have: the latter cannot be fine-tuned.

    Raises:
        ValueError: There is none.
    """
    compared = {heading: by_model for heading, by_model in scores.items() if {model, untrained} <= by_model.keys()}
    if not compared:
        raise ValueError(f"no metric has results of both {model} and {untrained}: run benchmarks/run.py with both.")
    return compared


def sentences(scores: Scores, model: str, untrained: str) -> Iterator[str]:
    """One line a metric: the model, its untrained self, and the best of the others.

    >>> next(sentences({"genus": {"m": 0.5, "u": 0.25, "kmer6": 0.5}}, "m", "u"))
    'genus: m 50.0, untrained 25.0 (+25.0), best baseline kmer6 50.0 (level)'
    """
    for heading, by_model in scores.items():
        ours, before = by_model[model], by_model[untrained]
        line = f"{heading}: {model} {100 * ours:.1f}, untrained {100 * before:.1f} ({100 * (ours - before):+.1f})"
        others = {name: value for name, value in by_model.items() if name not in (model, untrained)}
        if others:
            best = max(others, key=lambda name: others[name])
            lead = round(100 * (ours - others[best]), 1)
            standing = "level" if not lead else f"{'ahead' if lead > 0 else 'behind'} by {abs(lead):.1f}"
            line += f", best baseline {best} {100 * others[best]:.1f} ({standing})"
        yield line


def gain(scores: Scores, model: str, untrained: str) -> float:
    """Mean over the headline metrics of what training has added."""
    return sum(by_model[model] - by_model[untrained] for by_model in scores.values()) / len(scores)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 1 when training has added nothing, or 2 when the arguments were wrong."""
    parser = argparse.ArgumentParser(description="Say how a model stands.", allow_abbrev=False)
    parser.add_argument("--results", type=Path, required=True, help="folder of result files")
    parser.add_argument("--model", required=True, help="name of the model in the results")
    parser.add_argument("--untrained", required=True, help="name of its untrained self in the results")
    options = parser.parse_args(arguments)
    try:
        tables = {
            name: compare(headline_scores(results), options.model, options.untrained)
            for name, results in read_tables(options.results).items()
        }
    except (ValueError, OSError) as error:
        sys.stderr.write(f"verdict.py: {error}\n")
        return 2
    gains = []
    for name, scores in tables.items():
        sys.stdout.write(
            f"{name}\n" + "".join(f"  {line}\n" for line in sentences(scores, options.model, options.untrained))
        )
        gains.append(gain(scores, options.model, options.untrained))
        sys.stdout.write(f"  training has added {100 * gains[-1]:+.1f} points on average\n")
    return 0 if min(gains) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
