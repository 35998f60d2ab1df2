"""Measure how many species `dnacse identify` names by the share of queries that the library knows; JSON, picture out.

    python benchmarks/studies/known_share.py --data coi.tsv.gz \\
        --model checkpoints/dnacse-barcode-mini vsearch sintax \\
        --output benchmarks/studies/results/known_share.json --plot benchmarks/studies/results/known_share.png

Libraries and validation queries are drawn as in the task `identify` (tasks/identify.py), once for each seed. Of these
queries, mixtures are drawn that have a given share of species in the library; the others are of other species of its
genera and of other genera. `identify` names each mixture in a call of its own, since it estimates the share from the
queries. All methods name by their usual rules. For each share: of the species names, the share that is right; of the
known queries, the share that is named rightly; of the others, the share that gets a name; means over seeds.
"""

import argparse
import sys
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.methods.load import load_method
from benchmarks.methods.method import Method
from benchmarks.report.plots.style import MUTED, OURS, clean, plt
from benchmarks.report.result_files import write_json
from benchmarks.scoring.incomplete_library import Queries, draw_library, draw_queries
from benchmarks.studies.command_line import has_keys, run_study, splits_of
from benchmarks.tasks.identify import REFERENCES, name_by_package, name_by_tool
from modeling_dnacse.commands.options import at_least
from modeling_dnacse.machine.atomic import all_or_none
from modeling_dnacse.machine.pictures import save_picture
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.provenance import device_name
from modeling_dnacse.machine.signals import ending_on_signals

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
PANELS = {
    "right": "species names that are right",
    "known_named": "known species named rightly",
    "new_named": "new species given a name",
}
Measured = dict[str, dict[str, dict[str, float]]]  # method -> share -> a key of PANELS -> value


def mixture(known: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Draw rows of queries, as many as there are for this share of known ones.

    >>> rows = mixture(np.array([True] * 50 + [False] * 90), 0.1, np.random.default_rng(0))
    >>> len(rows), int((rows < 50).sum())
    (100, 10)
    """
    total = min(known.sum() / share, (~known).sum() / (1 - share))
    parts = [
        rng.permutation(np.flatnonzero(kind))[: int(round(total * part))]
        for kind, part in ((known, share), (~known, 1 - share))
    ]
    return np.sort(np.concatenate(parts))


def score(species: np.ndarray, accepted: np.ndarray, asked: Queries, rows: np.ndarray) -> dict[str, float]:
    """Score the accepted names of species (rows,) of a mixture."""
    known = asked.kinds[rows] == "known"
    right = accepted & known & (species == asked.labels["species"][rows])
    return {
        "right": float(right.sum() / max(1, accepted.sum())),
        "known_named": float(right[known].mean()),
        "new_named": float(accepted[~known].mean()),
    }


def measure(models: list[str], data: str, queries: int, seeds: int) -> Measured:
    """Name all mixtures by all methods; means over seeds."""
    splits = splits_of(data, "train", "val", "unseen_val")
    methods: dict[str, Method] = {Path(name).name: load_method(name, batch_tokens=4096) for name in models}
    found: dict[str, dict[float, list[dict[str, float]]]] = {name: {share: [] for share in SHARES} for name in methods}
    for seed in range(seeds):
        library = draw_library(splits["train"], splits["unseen_val"], REFERENCES, seed)
        asked = draw_queries(library, (splits["val"], splits["unseen_val"]), queries, seed)
        rng = np.random.default_rng(seed)
        mixtures = {share: mixture(asked.kinds == "known", share, rng) for share in SHARES}
        for name, method in methods.items():
            tool = None if method.encode else name_by_tool(method, library, asked.sequences)["species"]
            for share, rows in mixtures.items():
                if tool is not None:  # names each query by itself
                    scores = score(tool.names[rows], tool.accepted[""][rows], asked, rows)
                else:
                    mixed = [asked.sequences[row] for row in rows.tolist()]
                    named = name_by_package(method, library, mixed)["species"]
                    scores = score(named.names, named.accepted[""], asked, rows)
                found[name][share].append(scores)
                sys.stderr.write(f"seed {seed}, {name}, {share:.0%} known: {scores}\n")
    return {
        name: {
            str(share): {key: round(fmean(scores[key] for scores in of_seeds), 4) for key in PANELS}
            for share, of_seeds in shares.items()
        }
        for name, shares in found.items()
    }


def draw(found: Measured, path: Path) -> None:
    """One panel for each figure, one line for each method, over the share of known queries."""
    figure, panels = plt.subplots(1, len(PANELS), figsize=(11, 3.6), layout="constrained")
    for panel, (key, title) in zip(panels, PANELS.items(), strict=True):
        for style, (name, shares) in zip([OURS, *MUTED], found.items(), strict=False):
            panel.plot(
                [100 * float(share) for share in shares],
                [100 * scores[key] for scores in shares.values()],
                color=style.colour,
                marker=style.marker,
                linestyle=style.line,
                label=name,
            )
        panel.set(title=title, xlabel="queries of known species, %", ylim=(0, None))
        clean(panel)
    panels[0].set_ylabel("%")
    panels[0].legend(frameon=False, loc="lower right")
    save_picture(figure, path)


def run_all(args: argparse.Namespace) -> None:
    """Measure and write.

    Raises:
        ValueError: An option or a file is wrong.
    """
    found = measure(args.model, args.data, args.queries, args.seeds)
    about = {"seeds": args.seeds, "device": device_name(torch.device("cpu")), "methods": found}
    with all_or_none():
        write_json(about, args.output)
        if args.plot:
            draw(found, args.plot)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True, nargs="+", help="folders, Hub ids, or baselines of run.py")
    parser.add_argument("--output", required=True, type=Path, help="JSON")
    parser.add_argument("--plot", type=Path, help="PNG")
    parser.add_argument(
        "--queries", type=at_least(1), default=1000, help="most queries of known species, and of others"
    )
    parser.add_argument("--seeds", type=at_least(1), default=3, help="libraries")
    return run_study(run_all, parser, arguments, has_keys("seeds", "methods"))


if __name__ == "__main__":
    sys.exit(main())
