"""Say in words how one model stands against others: a folder of result files in, a line a metric out.

    python benchmarks/verdict.py --results demo/results --model model --untrained untrained:model

Against its untrained self the model must win on the headline metrics of `tables.COLUMNS` taken together (their mean);
if it does not, the exit status is 1. Against the baselines it may stand wherever it stands.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.result_files import read_results
from benchmarks.tables import COLUMNS

Scores = Mapping[str, Mapping[str, float]]  # headline metric -> model -> value


def headline_scores(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The headline metrics of every model, in the order of the tables."""
    scores: dict[str, dict[str, float]] = {}
    for task, headings in COLUMNS.items():
        for result in (result for result in results if result["task"] == task):
            for metric, heading in headings.items():
                if metric in result["metrics"]:
                    scores.setdefault(heading, {})[result["model"]] = result["metrics"][metric]["value"]
    return scores


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
        tables = {name: headline_scores(results) for name, results in read_results(options.results).items()}
        for name, scores in tables.items():
            for model in (options.model, options.untrained):
                if any(model not in by_model for by_model in scores.values()):
                    raise ValueError(f"{name} lacks results of {model}: run benchmarks/run.py with it.")
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
