"""Fit a model with sites to one marker or several, in closed form: barcodes with genera in, a model folder out.

    python trainer/fit_sites.py --train_file coi.tsv.gz --train_split train --output_dir runs/coi-sites

The fit needs no coordinates, no alignment and no gradient descent (modeling_dnacse/fitting/site_model.py). `dnacse
adapt` makes such a model for your own marker and compares it with others. The folder is a Hub repository: AutoModel,
sentence-transformers and `dnacse embed` read it, and train.py can train it further.

With --markers, each marker has its own table and embeddings; the k-mers of a sequence choose the marker. Markers whose
species differ by indels (12S, 16S) need --site_support 0 and --site_kmer 8.

43,668 barcodes of COI, 11,000 of them whole genes: 3 minutes on one thread, 3 GB of memory.
"""

import argparse
import json
import logging
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from trainer.command_line import require

    require("torch", "transformers", "dnaio", "scipy")

import numpy as np
import torch

from modeling_dnacse.commands.options import at_least, between, parsed
from modeling_dnacse.embedding.tokenization import letter_tokenizer
from modeling_dnacse.fitting.site_model import Records, SiteOptions, fit_site_model
from modeling_dnacse.fitting.site_table import encode
from modeling_dnacse.loading.repository import CARD, RECORD, WEIGHTS, halve, write_repository
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.file_names import text_of
from modeling_dnacse.machine.outputs import check_model_folder
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.provenance import device_name, package_versions, source_of
from trainer.command_line import run_command
from trainer.records.chosen_split import read_training

logger = logging.getLogger("fit_sites")
CARD_TEXT = """# {name}

Embeddings of {hidden} dimensions for {markers}, from {records:,} barcodes of {genera:,} genera. Votes of {k}-mers \
find at which of the {sites:,} sites each base lies. An embedding for each site and base was fitted in closed form \
(trainer/fit_sites.py of DNACSE). The model has no layers.

```python
from transformers import AutoModel, AutoTokenizer

model = AutoModel.from_pretrained("{name}", trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained("{name}", trust_remote_code=True)
vectors = model(**tokenizer(sequences, padding=True, return_tensors="pt")).pooler_output
```
"""


def read_records(files: list[str], split: str | None) -> Records:
    """Read and encode the sequences of one marker.

    Raises:
        ValueError: fewer than two genera, or no split was chosen of several.
    """
    rows = list(read_training(files, split))
    genera, species = (np.array([row[rank] for row in rows]) for rank in ("genus", "species"))
    if len(set(genera) - {""}) < 2:
        raise ValueError(f"{', '.join(files)}: two genera are needed; add a column genus, or species")
    return Records([encode(row["sequence"]) for row in rows], genera, species)


def read_markers(args: argparse.Namespace) -> dict[str, Records]:
    """Records of each marker, by its name; of one marker without a name, "".

    Raises:
        ValueError: there are not as many names as files, or a marker has fewer than two genera.
    """
    names = args.markers or [""] * len(args.train_file)
    if len(names) != len(args.train_file):
        raise ValueError(
            f"--markers names {len(names)} markers, --train_file {len(args.train_file)} files; give one name a file, "
            "the same for files of one marker"
        )
    files = {
        name: [file for file, other in zip(args.train_file, names, strict=True) if other == name] for name in names
    }
    return {name: read_records(of_marker, args.train_split) for name, of_marker in files.items()}


def fitting_record(args: argparse.Namespace, markers: dict[str, Records]) -> dict[str, Any]:
    """What others need to repeat the fit, as training.json holds it."""
    species = {name for records in markers.values() for name in records.species if name}
    genera = {name for records in markers.values() for name in records.genera if name}
    return {
        "arguments": {name: value for name, value in vars(args).items() if name not in ("train_file", "output_dir")},
        "data": {
            "training": {
                "sources": [source_of(file) for file in args.train_file],
                "train_split": args.train_split,
                "records": sum(len(records.texts) for records in markers.values()),
                "species": len(species),
                "genera": len(genera),
            }
        },
        "device": device_name(torch.device("cpu")),
        "versions": package_versions(["torch", "transformers", "tokenizers", "scipy", "numpy"]),
    }


def run(args: argparse.Namespace) -> None:
    """Fit and write the folder.

    Raises:
        ValueError: an argument or a file is not what it should be.
    """
    check_model_folder(args.output_dir, args.train_file, parents=True)
    if len(args.columns) != len(args.ridge):
        raise ValueError(
            f"--columns {args.columns} and --ridge {args.ridge} are as many as there are blocks; got two numbers"
        )
    if list(args.crop) != sorted(args.crop):
        raise ValueError(f"--crop {' '.join(map(str, args.crop))} must rise; give lengths such as 100 300 700")
    markers = read_markers(args)
    options = SiteOptions(**{field.name: getattr(args, field.name) for field in fields(SiteOptions)})
    try:
        model, facts = fit_site_model(options, markers)
    except np.linalg.LinAlgError:
        ridges = " ".join(map(str, args.ridge))
        raise ValueError(
            f"--ridge {ridges} leaves no solution: within genera some sites do not vary; raise it"
        ) from None
    text = CARD_TEXT.format(
        name=text_of(args.output_dir.name),
        markers=", ".join(model.config.markers or ["one marker"]),
        hidden=model.config.hidden_size,
        sites=model.config.sites,
        k=args.site_kmer,
        **facts,
    )
    args.output_dir.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output_dir) as folder:
        record = json.dumps(fitting_record(args, markers), indent=2) + "\n"
        write_repository(folder, model, letter_tokenizer(), {CARD: text, RECORD: record})
        halve(folder / WEIGHTS)
    size = (args.output_dir / WEIGHTS).stat().st_size
    logger.info(
        "%s: %d sites, %d columns, %.1f MB", args.output_dir, model.config.sites, model.config.hidden_size, size / 1e6
    )


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Fit a model with sites, in closed form.", allow_abbrev=False)
    add = parser.add_argument
    add("--train_file", nargs="+", required=True, help="FASTA, FASTQ, CSV, TSV or parquet, with genera")
    add("--markers", nargs="+", help="for a model of several markers: the marker of each file")
    add("--train_split", help="use only the records of this split")
    add("--output_dir", required=True, type=Path, help="a new folder")
    add(
        "--columns",
        nargs="+",
        type=between(1, 2**16),
        default=[512],
        help="dimensions of each block; default: %(default)s",
    )
    add(
        "--ridge",
        nargs="+",
        type=between(1e-9, 1e9),
        default=[1.0],
        help="ridge of each block, as a multiple of the mean variance; default: %(default)s",
    )
    add(
        "--crop",
        nargs="+",
        type=between(1, 2**16),
        default=[100, 300, 700],
        help="also fit to fragments, of lengths between each two of these; default: %(default)s",
    )
    add(
        "--coverage",
        type=between(0.0, 1),
        default=0.1,
        help="fit only sites with this share of the records of the best covered site; default: %(default)s",
    )
    add(
        "--most",
        type=at_least(1),
        default=9000,
        help="number of sequences to learn the table from; default: %(default)s",
    )
    add(
        "--margin",
        type=between(0, 2**16),
        default=100,
        help="sites before and after complete genes; default: %(default)s",
    )
    add("--least_share", type=between(0.0, 2), default=0.08, help="fewest votes per k-mer; default: %(default)s")
    add("--site_kmer", type=between(1, 13), default=9, help="k of the k-mers that vote; default: %(default)s")
    add(
        "--site_candidates",
        type=between(1, 100),
        default=2,
        help="sites that the table keeps per k-mer; default: %(default)s",
    )
    add(
        "--joint_candidates",
        type=between(1, 100),
        default=4,
        help="the same with several markers; default: %(default)s",
    )
    add(
        "--site_block",
        type=between(0, 2**16),
        default=16,
        help="bases of a block that may have an offset of its own, for indels; 0: one offset per sequence; "
        "default: %(default)s",
    )
    add(
        "--site_support",
        type=between(0, 2**16),
        default=16,
        help="a base counts as placed within this many bases of a k-mer that votes for the offset; only sequences "
        "with other bases get offsets of blocks. 0: all bases count, and every sequence gets them, for markers whose "
        "species differ by indels (12S, 16S); default: %(default)s",
    )
    add(
        "--site_reach",
        type=between(0, 500),
        default=30,
        help="farthest offset of a block from that of its sequence; default: %(default)s",
    )
    add(
        "--kmer",
        type=between(1, 11),
        default=5,
        help="k of the k-mers for sequences that are not placed; default: %(default)s",
    )
    add("--seed", type=at_least(0), default=0, help="seed of draws and crops")
    return parsed(parser, arguments)


@plain_messages()
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    run_command(run, parse_arguments(arguments))


if __name__ == "__main__":
    main()
