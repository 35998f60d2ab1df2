"""Draw pictures: result files, or models and data, in; PNGs out.

From result files (`make tables` draws all of them):

    python benchmarks/plots.py all --results benchmarks/results
    python benchmarks/plots.py scores --name coi.test --output scores.png
    python benchmarks/plots.py curves --name coi.test --curve length.ward_ari --output curves.png
    python benchmarks/plots.py ablation --name ablation/coi.val --output ablation.png
    python benchmarks/plots.py inference --name inference/cpu --output inference.png

From models and labelled data, with the options of run.py:

    python benchmarks/plots.py map --model kmer6 checkpoints/coi --data coi.tsv.gz --output map.png
    python benchmarks/plots.py confusion --model checkpoints/coi --data coi.tsv.gz --output confusion.png

`all` draws what each table NAME allows: the scores as NAME.png and the curves as NAME.curves.png, or for an ablation
its arms as NAME.png; and for each measurement of inference NAME.png. The pictures lie beside their results. Of the
repository's own results only those are drawn that a page shows (report/pages.py). A picture that differs from its file
in antialiasing alone is not written.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from matplotlib.figure import Figure

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.data.splits import read_splits
from benchmarks.methods.load import load_method
from benchmarks.methods.method import Method, Split
from benchmarks.report.pages import owner, shown_pictures
from benchmarks.report.plots.ablation import find_arms, plot_ablation
from benchmarks.report.plots.confusion import ABOVE, plot_confusion
from benchmarks.report.plots.curves import find_curves, plot_curves
from benchmarks.report.plots.maps import plot_map
from benchmarks.report.plots.scores import find_panels, plot_scores
from benchmarks.report.plots.speed import plot_inference
from benchmarks.report.plots.style import save
from benchmarks.report.result_folders import INFERENCE, Result, read_rates, read_tables
from modeling_dnacse.commands.options import at_least, parsed
from modeling_dnacse.embedding.given import check_device
from modeling_dnacse.machine.json_files import naming
from modeling_dnacse.machine.outputs import check_outputs, check_plain
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.labels import RANKS

Table = Sequence[Result]
Value = TypeVar("Value")


def choose_table(options: argparse.Namespace) -> tuple[str, Table]:
    """The table that was asked for, or the only one there is."""
    return choose(read_tables(options.results), options)


def choose(tables: Mapping[str, Value], options: argparse.Namespace) -> tuple[str, Value]:
    """What was asked for by its name, or the only one there is."""
    if not tables:
        raise ValueError(f"{options.results} has none of these results: make some, or name another --results.")
    name = options.name or next(iter(tables))
    if name not in tables or (not options.name and len(tables) > 1):
        raise ValueError(f"{options.results} has the results {', '.join(tables)}: choose one of them with --name.")
    return name, tables[name]


def read_data(options: argparse.Namespace) -> tuple[list[Method], Split, Split]:
    """The models, the labelled references and the split that was asked for."""
    if ":" not in options.data and not Path(options.data).exists():
        raise ValueError(f"no file {options.data}: check --data, or make one with benchmarks/data/simulate.py.")
    splits = read_splits(options.data)
    for needed in {options.split, "train"} if options.references else {options.split}:
        if needed not in splits:
            raise ValueError(f"{options.data} has no split {needed}, but {', '.join(splits)}: check --split.")
    methods = [
        load_method(
            model,
            training=splits.get("train"),
            cache=options.cache,
            device=options.device,
            trust_remote_code=options.trust_remote_code,
        )
        for model in options.model
    ]
    return methods, splits.get("train", splits[options.split]), splits[options.split]


def make_map(options: argparse.Namespace) -> None:
    """Draw the subcommand map."""
    methods, _, split = read_data(options)
    chosen = {name: getattr(options, name) for name in ("projection", "colour_by", "max_sequences", "seed")}
    save(plot_map(methods, split, **chosen), options.output)


def make_confusion(options: argparse.Namespace) -> None:
    """Draw the subcommand confusion."""
    (method,), references, split = read_data(options)
    chosen = {name: getattr(options, name) for name in ("rank", "most", "max_sequences", "seed")}
    save(plot_confusion(method, references, split, **chosen), options.output)


def make_scores(options: argparse.Namespace) -> None:
    """Draw the subcommand scores."""
    save(plot_scores(*choose_table(options)), options.output)


def make_curves(options: argparse.Namespace) -> None:
    """Draw the subcommand curves."""
    save(plot_curves(*choose_table(options), options.curve), options.output)


def make_ablation(options: argparse.Namespace) -> None:
    """Draw the subcommand ablation."""
    save(plot_ablation(*choose_table(options)), options.output)


def draw_inference(folder: Path, name: str, measured: Result) -> Figure:
    """Draw a measurement; an error names its file."""
    with naming(folder / f"{name}.json", f"make it anew with benchmarks/speed/{INFERENCE}_throughput.py"):
        return plot_inference(measured)


def make_inference(options: argparse.Namespace) -> None:
    """Draw the subcommand inference."""
    save(draw_inference(options.results, *choose(read_rates(options.results, INFERENCE), options)), options.output)


def make_all(options: argparse.Namespace) -> None:
    """Draw the subcommand all."""
    place = options.output or options.results

    def draw(name: str, ending: str, plot: Callable[[], Figure]) -> None:
        subfolder, file = owner(name), f"{name.rpartition('/')[2]}{ending}"
        shown = shown_pictures(options.results / subfolder)
        if shown is None or file in shown:
            lies_flat = not (options.results / subfolder).is_dir()
            save(plot(), place / file if lies_flat else place / subfolder / file)

    for name, results in read_tables(options.results).items():
        if find_arms(results):
            draw(name, ".png", partial(plot_ablation, name, results))
            continue
        if find_panels(results):
            draw(name, ".png", partial(plot_scores, name, results))
        if find_curves(results):
            draw(name, ".curves.png", partial(plot_curves, name, results))
    for name, measured in read_rates(options.results, INFERENCE).items():
        draw(name, ".png", partial(draw_inference, options.results, name, measured))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Draw results and embeddings.", allow_abbrev=False)
    kinds = parser.add_subparsers(required=True)
    of_results = {
        "all": (make_all, "every picture of a folder of results"),
        "scores": (make_scores, "headline metrics, as dots with intervals"),
        "curves": (make_curves, "metrics over shots, bp, errors, dimensions or thresholds"),
        "ablation": (make_ablation, "arms of training and their seeds"),
        "inference": (make_inference, "how fast embedding is"),
    }
    for name, (make, says) in of_results.items():
        kind = kinds.add_parser(name, help=says, description=says, allow_abbrev=False)
        kind.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
        if name == "all":
            kind.add_argument("--output", type=Path, help="folder; by default that of the results")
        else:
            kind.add_argument("--name", help="which table, as in coi.test")
            kind.add_argument("--output", type=Path, required=True, help="PNG file")
        if name == "curves":
            kind.add_argument("--curve", nargs="+", default=[], help="TASK.CURVE; by default the first six")
        kind.set_defaults(make=make)
    of_data = {
        "map": (make_map, "embeddings of one split in two dimensions"),
        "confusion": (make_confusion, "genera or families that are confused"),
    }
    for name, (make, says) in of_data.items():
        kind = kinds.add_parser(name, help=says, description=says, allow_abbrev=False)
        add = kind.add_argument
        if name == "map":
            add("--model", nargs="+", required=True, help="as run.py takes them")
            add("--projection", choices=("tsne", "umap"), default="tsne")
            add("--colour_by", choices=RANKS, default="order")
        else:
            add("--model", nargs=1, required=True, help="as run.py takes it")
            add("--rank", choices=tuple(ABOVE), default="genus")
            add("--most", type=at_least(1), default=25, help="pairs of genera, or families, drawn")
        add("--data", required=True, help="labelled data with a split column; see readers.py")
        add("--split", default="unseen_test")
        most = 1500 if name == "map" else 5000
        add(
            "--max_sequences",
            type=int,
            default=most,
            help=f"draw whole species, up to this number of sequences ({most})",
        )
        add("--cache", type=Path, help="folder where embeddings are kept, as for run.py")
        add("--seed", type=at_least(0), default=0)
        add("--device", default="cpu")
        add("--trust_remote_code", action="store_true", help="let a Hub repository's own code run")
        add("--output", type=Path, required=True, help="PNG file")
        kind.set_defaults(make=make, references=name == "confusion")
    return parsed(parser, arguments)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when the arguments were wrong."""
    options = parse(arguments)
    try:
        if "data" in options:
            check_plain([options.data])
            check_outputs([options.output], [options.data, *options.model])
            check_device(options.device, "--device")
        options.make(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"plots.py: {sentence_of(error)}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
