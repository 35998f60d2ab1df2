"""Show what a model was trained on, its markers and limits, its results and its licence.

    dnacse info
    dnacse info FOLDER_OR_HUB_ID --json
    dnacse info INDEX

This is read from the model's own files: config.json, training.json and its card README.md. Of an index of a library,
it shows what index.json says: model, references and sources. Nothing is computed, and no weights are loaded.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from ..loading.model_cards import card_data
from ..loading.model_folders import CONFIG, GRAPH, REMEDY, check_model, shipped_by_name
from ..machine.json_files import naming, read_object
from ..machine.outputs import check_plain
from ..machine.streams import naming_standard_output
from .options import SHIPPED

INDEX = "index.json"
FILES_OF_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin", f"{GRAPH}*")
CARD, TRAINING = "README.md", "training.json"
THRESHOLDS = {"species_similarity": "clusters (dnacse cluster)", "bin_similarity": "bins (dnacse bin)"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    what = f"folder or Hub id, or name of a shipped model; default: {SHIPPED.name}"
    add("model", nargs="?", type=shipped_by_name, default=str(SHIPPED), help=what)
    add("--json", action="store_true", help="write JSON, for other programs")


def check(args: argparse.Namespace) -> None:
    """Find the model and write what its files say; nothing else is run."""
    if sys.stdout is None:
        raise ValueError("the standard output, to which info writes, is closed; run it without >&-")
    if Path(args.model, INDEX).is_file():
        facts = describe_index(Path(args.model))
    else:
        check_plain([args.model])
        check_model(args.model, with_tokenizer=False)
        folder = Path(args.model) if Path(args.model).is_dir() else fetch(args.model)
        facts = describe(folder, folder.resolve().name if Path(args.model).is_dir() else args.model)
    with naming_standard_output():
        sys.stdout.write(json.dumps(facts, indent=2) + "\n" if args.json else render(facts))


run = None  # nothing is computed


def fetch(name: str) -> Path:
    """Download the files that say what a Hub model is, but not its weights.

    Raises:
        ValueError: there is no such model, or the Hub cannot be asked.
    """
    from huggingface_hub import snapshot_download

    from ..loading.hub_reasons import reason

    try:
        return Path(snapshot_download(name, allow_patterns=[CONFIG, CARD, TRAINING]))
    except Exception as error:  # HTTP, network, cache and name raise different classes
        raise ValueError(
            f"there is no folder {name} here, and the Hub does not give its files ({reason(error)}); check the name "
            "and the network, or give the folder of a model"
        ) from None


def describe(folder: Path, name: str) -> dict[str, Any]:
    """Collect what the files of a model say, by heading."""
    config = read_object(folder / CONFIG, REMEDY)
    facts: dict[str, Any] = {"model": name}
    with naming(folder / CONFIG, REMEDY):
        facts |= configuration(config)
    weights = [file for pattern in FILES_OF_WEIGHTS for file in folder.glob(pattern)]
    facts["size"] = weights and f"{sum(file.stat().st_size for file in weights):,} bytes"
    if (folder / GRAPH).exists():
        facts["form"] = "ONNX graph, which gives vectors only"
    if (folder / TRAINING).exists():
        record = read_object(folder / TRAINING, REMEDY)
        with naming(folder / TRAINING, REMEDY):
            facts |= training(record)
    if (folder / CARD).exists():
        with naming(folder / CARD, REMEDY):
            facts |= card(folder / CARD)
    return {heading: value for heading, value in facts.items() if value}


def describe_index(folder: Path) -> dict[str, Any]:
    """What the description of an index says, by heading."""
    remedy = "make the index again with dnacse index, or fetch it again"
    facts = read_object(folder / INDEX, remedy)
    named = {key: value for key, value in facts.items() if value and not isinstance(value, dict)}
    with naming(folder / INDEX, remedy):
        sources = [", ".join(f"{key} {value}" for key, value in source.items()) for source in facts.get("sources", [])]
        calibrations = f"{len(facts.get('calibrations', []))}"
    return {"index": folder.resolve().name} | named | {"sources": sources, "calibrations": calibrations}


def configuration(config: dict[str, Any]) -> dict[str, Any]:
    """What config.json says."""
    layers = config.get("num_hidden_layers")
    said = f"{(config.get('architectures') or ['unknown'])[0]}, {layers} layers"
    if config.get("kmer"):
        said += f", {config['kmer']}-mers"
    facts: dict[str, Any] = {
        "architecture": said + (f", pooling {config['pooling']}" if config.get("pooling") else ""),
        "vectors": f"{config.get('hidden_size', '?')} numbers",
    }
    if (config.get("sites") or 0) > 1:  # one site: k-mers alone, made by `dnacse adapt`
        markers = config.get("markers") or ["one marker (see its card)"]
        facts["markers"] = ", ".join(markers) + f" ({config['sites']:,} sites)"
    facts["thresholds"] = {
        name: f"cosine {config[key]}" for key, name in THRESHOLDS.items() if config.get(key) is not None
    }
    return facts


def training(record: dict[str, Any]) -> dict[str, Any]:
    """What training.json says."""
    data = {}
    for part, held in record.get("data", {}).items():
        counts = [f"{held[key]:,} {key}" for key in ("records", "species", "genera") if key in held]
        split = f", split {held['train_split']}" if part == "training" and held.get("train_split") else ""
        data[part] = f"{', '.join(counts)}{split}, of {', '.join(held.get('sources', []))}"
    facts: dict[str, Any] = {"trained on": data, "base model": record.get("base_model")}
    if record.get("steps"):
        facts["training"] = f"{record['steps']:,} steps by {record['arguments'].get('curriculum', '?')}"
    facts["versions"] = ", ".join(f"{package} {version}" for package, version in record.get("versions", {}).items())
    return facts


def card(path: Path) -> dict[str, Any]:
    """What a model card says: licence, limits, how to reproduce it, and results.

    Raises:
        ValueError: its metadata are not YAML, or hold aliases.
    """
    text = path.read_text(encoding="utf-8")
    data = card_data(path, text)
    results = [
        f"{result.task_name or result.task_type}, {result.metric_name or result.metric_type}, "
        f"{result.dataset_name} {result.dataset_split or ''}: {result.metric_value}"
        for result in data.eval_results or []
    ]
    datasets = [data.datasets] if isinstance(data.datasets, str) else data.datasets or []
    facts = {"licence": data.license, "datasets": ", ".join(datasets)}
    if limits := re.search(r"\*\*Limits\*\*:?\s*(.+?)(?:\n\n|\Z)|^#+ Limits\n+(.+?)(?=\n#|\Z)", text, re.S | re.M):
        facts["limits"] = " ".join((limits[1] or limits[2]).split())
    return facts | {"results": results}


def render(facts: dict[str, Any]) -> str:
    """Write headings and values as text. Control characters are escaped, since a terminal would obey them.

    >>> render({"licence": "mit\\x1b[2J", "results": [1], "data": {"a": 2}})
    'licence: mit\\\\x1b[2J\\nresults:\\n  1\\ndata:\\n  a: 2\\n'
    """
    lines = []
    for heading, value in facts.items():
        if isinstance(value, dict):
            value = [f"{key}: {part}" for key, part in value.items()]
        if isinstance(value, list):
            lines += [f"{heading}:", *(f"  {line}" for line in value)]
        else:
            lines.append(f"{heading}: {value}")
    return "".join("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) + "\n" for line in lines)
