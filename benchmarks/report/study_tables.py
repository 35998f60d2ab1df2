"""Render the results of benchmarks/studies/results as tables: the JSON file of a study in, Markdown out."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.report.markdown_table import markdown
from benchmarks.report.pages import STUDIES
from benchmarks.report.shown_json import read_json
from modeling_dnacse.machine.json_files import naming

SEED = re.compile(r", seed \d+: cosine$")
CURRICULUM = {  # the column of a figure by its place in the file
    "genus": ("genus", "full"),
    "from 300 bp": ("genus", "300 bp"),
    "from 150 bp": ("genus", "150 bp"),
    "5 % errors": ("genus", "5% errors"),
    "family": ("family", "full"),
    "seen species": ("species", "full"),
    "the same from 150 bp": ("species", "150 bp"),
    "AUROC of unseen species": ("auroc", "full"),
}


def render_studies(folder: Path = STUDIES / "results") -> dict[str, str]:
    """Render each study whose file is there, by its name.

    Raises:
        ValueError: A file is not that of its study.
    """
    texts = {}
    for name, render_study in RENDERERS.items():
        path, remedy = folder / f"{name}.json", "run the study again"
        if path.exists():
            with naming(path, remedy):
                texts[name] = render_study(read_json(path, remedy))
    return texts


def render_curriculum(study: Mapping[str, Any]) -> str:
    """Render accuracies averaged over species, and AUROC, in per cent: mean and standard deviation over seeds."""
    arms: dict[str, list[Mapping[str, Any]]] = {}
    for name, scores in study.items():
        arms.setdefault(SEED.sub("", name).removesuffix(": cosine"), []).append(scores)
    rows = []
    for name, seeds in arms.items():
        values = [[_percent(scores[rank][form]) for scores in seeds] for rank, form in CURRICULUM.values()]
        rows.append([name, str(len(seeds)), *map(_mean_and_deviation, values)])
    return markdown(("", "seeds", *CURRICULUM), rows)


def _percent(value: float | Mapping[str, float]) -> float:
    return value["species"] if isinstance(value, Mapping) else value


def _mean_and_deviation(values: list[float]) -> str:
    deviation = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{fmean(values):.1f}{deviation}"


def render_reliability(study: Mapping[str, Any]) -> str:
    """Render the expected calibration error of each model, in points, by length and rank."""
    ranks = list(dict.fromkeys(rank for model in study.values() for form in model["forms"].values() for rank in form))
    rows = []
    for name, model in study.items():
        for form, of_ranks in model["forms"].items():
            errors = [of_ranks[rank]["calibration_error"] if rank in of_ranks else None for rank in ranks]
            cells = ("–" if error is None else f"{100 * error:.1f}" for error in errors)
            rows.append([f"`{name}`", form, *cells])
    return markdown(("model", "queries", *ranks), rows)


def render_known_share(study: Mapping[str, Any]) -> str:
    """Render three figures of each method in per cent, by the share of queries whose species the library knows."""
    figures = {"right": "names that are right", "known_named": "known species named", "new_named": "new species named"}
    shares = list(next(iter(study["methods"].values())))
    rows = [
        [f"`{name}`", title, *(f"{100 * of_shares[share][key]:.1f}" for share in shares)]
        for name, of_shares in study["methods"].items()
        for key, title in figures.items()
    ]
    caption = f"Means over {study['seeds']} libraries."
    return f"{markdown(('', '', *(f'{float(share):.0%} known' for share in shares)), rows)}\n\n{caption}"


def render_end_to_end(study: Mapping[str, Any]) -> str:
    """Render seconds of the clock and of the CPU, for each way."""
    rows = [[name, f"{way['seconds']:.1f}", f"{way['cpu_seconds']:.1f}"] for name, way in study["ways"].items()]
    caption = f"{study['queries']:,} queries against {study['references']:,} references; {study['device']}."
    return f"{markdown(('', 'seconds', 'CPU seconds'), rows)}\n\n{caption}"


def render_large_index(study: Mapping[str, Any]) -> str:
    """Render what the commands cost, then what the search misses by the number of cells that it looks into."""
    costs = [
        [f"`dnacse {name}`", *(f"{run[key]:.1f}" for key in ("seconds", "cpu_seconds", "peak_gib"))]
        for name, run in study["runs"].items()
    ]
    search = study["search"]
    looks = {name.split()[2]: found for name, found in search.items() if isinstance(found, Mapping)}
    kinds = {"known": "known, whole", "known_piece": "known, 200 bp", "new": "new, whole", "new_piece": "new, 200 bp"}
    recalls = [
        [cells, f"{found['cpu_seconds_per_1000']:.1f}", *(f"{100 * found['recall'][kind]:.1f}" for kind in kinds)]
        for cells, found in looks.items()
    ]
    size = sum(study["index_bytes"].values()) / 2**30
    caption = (
        f"{study['references']:,} references in {search['cells']:,} cells, {study['queries']:,} queries; the index "
        f"takes {size:.1f} GiB and opens in {search['seconds_to_open']:.1f} s; {study['device']}."
    )
    heads = ("cells looked into", "CPU s per 1,000 queries", *(f"recall, {kind}" for kind in kinds.values()))
    cost_table = markdown(("", "seconds", "CPU seconds", "peak memory, GiB"), costs)
    return f"{cost_table}\n\n{caption}\n\n{markdown(heads, recalls)}"


def render_large_cluster(study: Mapping[str, Any]) -> str:
    """Render what clustering costs, and how well clusters agree with species and with those of all pairs."""
    run, comparison = study["runs"]["cluster"], study["comparison"]
    costs = [[f"{study['sequences']:,}", *(f"{run[key]:.1f}" for key in ("seconds", "cpu_seconds", "peak_gib"))]]
    agreements = [
        [f"{study['sequences']:,}", "clusters and species", study["agreement"]],
        *(
            [f"{comparison['sequences']:,}", name, comparison[name]]
            for name in ("blocks and species", "all pairs and species", "blocks and all pairs")
        ),
    ]
    indexes = {"ari": "ARI", "ami": "AMI", "purity": "purity", "inverse_purity": "inverse purity"}
    rows = [
        [count, name, *(f"{100 * of[index]:.1f}" if index in of else "–" for index in indexes)]
        for count, name, of in agreements
    ]
    caption = f"{study['clusters']:,} clusters of {study['species']:,} species; {study['device']}."
    cost_table = markdown(("sequences", "seconds", "CPU seconds", "peak memory, GiB"), costs)
    return f"{cost_table}\n\n{caption}\n\n{markdown(('sequences', '', *indexes.values()), rows)}"


RENDERERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "curriculum": render_curriculum,
    "reliability": render_reliability,
    "known_share": render_known_share,
    "end_to_end": render_end_to_end,
    "large_index": render_large_index,
    "large_cluster": render_large_cluster,
}
