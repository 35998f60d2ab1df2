"""Measure the calibration of `dnacse identify`: validation queries in; calibration errors and a picture out.

    python benchmarks/studies/reliability.py --data coi.tsv.gz --model checkpoints/dnacse-barcode-mini \\
        --output reliability.json --plot reliability.png

The library and the queries are drawn as in the task `identify` (tasks/identify.py). Queries are whole, or windows of
300 and 150 bp at random places, half of them of the other strand; each form is named, and the library calibrated for
it, in a call of its own. For each rank the JSON has the expected calibration error (scoring/naming.py), and for bins
of the probability the mean probability, the share of names that are right, and how many there are.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.methods.load import load_method
from benchmarks.report.plots.style import MUTED, OURS, clean, plt
from benchmarks.report.result_files import write_json
from benchmarks.scoring.alterations import cut_windows, flip_half
from benchmarks.scoring.incomplete_library import draw_library, draw_queries
from benchmarks.scoring.naming import BINS, calibration_error
from benchmarks.studies.command_line import has_parts, run_study, splits_of
from benchmarks.tasks.identify import REFERENCES, name_by_package
from modeling_dnacse.commands.options import at_least
from modeling_dnacse.machine.atomic import all_or_none
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.pictures import save_picture
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.provenance import device_name
from modeling_dnacse.machine.signals import ending_on_signals

WHOLE, LENGTHS = "whole", (300, 150)  # bp
SHOWN = ("species", "genus", "family", "order")
FEWEST = 10  # names of a bin that is drawn


def bins_of(probabilities: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """The bins of the calibration error that hold a name.

    >>> bins_of(np.array([0.05, 0.92, 0.98]), np.array([False, True, False]))
    [{'probability': 0.05, 'right': 0.0, 'names': 1}, {'probability': 0.95, 'right': 0.5, 'names': 2}]
    """
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return [
        {
            "probability": round(float(probabilities[place == number].mean()), 4),
            "right": round(float(right[place == number].mean()), 4),
            "names": int((place == number).sum()),
        }
        for number in np.unique(place)
    ]


def measure(model: str, data: str, queries: int, seed: int) -> dict[str, dict[str, Any]]:
    """Calibration errors and bins by form of the queries and rank."""
    splits = splits_of(data, "train", "val", "unseen_val")
    method = load_method(model, batch_tokens=4096)
    library = draw_library(splits["train"], splits["unseen_val"], REFERENCES, seed)
    asked = draw_queries(library, (splits["val"], splits["unseen_val"]), queries, seed)
    places = np.random.default_rng(seed).random(len(asked.sequences))
    forms = {WHOLE: asked.sequences} | {
        f"{length} bp": flip_half(cut_windows(asked.sequences, length, places), seed) for length in LENGTHS
    }
    found: dict[str, dict[str, Any]] = {}
    for form, sequences in forms.items():
        found[form] = {}
        for rank, named in name_by_package(method, library, sequences).items():
            judged = (asked.labels[rank] != "") & np.isfinite(named.scores)
            if not judged.any():  # a rank at which the library has one name
                continue
            right = (named.names == asked.labels[rank])[judged]
            found[form][rank] = {
                "calibration_error": calibration_error(named.scores[judged], right),
                "bins": bins_of(named.scores[judged], right),
            }
    return found


def draw(found: dict[str, dict[str, Any]], path: Path) -> None:
    """One panel per rank, one line per form of the queries; calibrated probabilities lie on the diagonal."""
    styles = [OURS, *MUTED]
    figure, panels = plt.subplots(1, len(SHOWN), figsize=(3 * len(SHOWN), 3.3), sharey=True, layout="constrained")
    for panel, rank in zip(panels, SHOWN, strict=True):
        panel.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
        for style, (form, ranks) in zip(styles, found.items(), strict=False):
            drawn = [part for part in ranks[rank]["bins"] if part["names"] >= FEWEST]
            panel.plot(
                [part["probability"] for part in drawn],
                [part["right"] for part in drawn],
                color=style.colour,
                marker=style.marker,
                linestyle=style.line,
                label=f"{form}: error {100 * ranks[rank]['calibration_error']:.1f}",
            )
        panel.set(title=rank, xlabel="probability given", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        panel.legend(frameon=False, fontsize="small", loc="upper left")
        clean(panel)
    panels[0].set_ylabel("share of names that are right")
    save_picture(figure, path)


def run_all(args: argparse.Namespace) -> None:
    """Measure and write.

    Raises:
        ValueError: An option or a file is wrong.
    """
    done = read_object(args.output, "give another --output") if args.output.exists() else {}
    found = measure(args.model, args.data, args.queries, args.seed)
    done[Path(args.model).name] = {"device": device_name(torch.device("cpu")), "forms": found}
    with all_or_none():
        write_json(done, args.output)
        if args.plot:
            draw(found, args.plot)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--output", required=True, type=Path, help="JSON; results of other models in it are kept")
    parser.add_argument("--plot", type=Path, help="PNG")
    parser.add_argument(
        "--queries", type=at_least(1), default=1000, help="most queries of known species, and of others"
    )
    parser.add_argument("--seed", type=at_least(0), default=0)
    return run_study(run_all, parser, arguments, has_parts("device", "forms"))


if __name__ == "__main__":
    sys.exit(main())
