"""Write a model as an ONNX graph, which runs without torch: token ids and attention mask in, vectors out.

    dnacse export --format onnx --model FOLDER_OR_HUB_ID -o FOLDER

FOLDER gets model.onnx (inputs input_ids and attention_mask, output pooler_output), the files of the tokenizer and
config.json. It appears only if ONNX Runtime computes the same vectors as torch. The other commands take FOLDER as
their --model, on CPU. A model that compares barcodes over sites does so only itself: of these, the graph is for embed,
map and bin.
"""

import argparse
import sys
from pathlib import Path

from ..loading.model_folders import GRAPH, check_model, shipped_by_name
from ..machine.outputs import check_model_folder
from .options import SHIPPED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add(
        "--model",
        type=shipped_by_name,
        default=str(SHIPPED),
        help="folder or Hub id of a model, or name of a shipped one; default: the shipped one for COI",
    )
    add("--format", choices=["onnx"], default="onnx", help="format of the graph; default: %(default)s, in float32")
    add("-o", "--output", type=Path, required=True, help="folder to create")


def check(args: argparse.Namespace) -> None:
    """Check the folder to create, and the model's files."""
    check_model_folder(args.output, [args.model])
    check_model(args.model)
    if Path(args.model, GRAPH).exists():
        raise ValueError(f"{args.model} holds a {GRAPH}, so it is an export; give the model that it was made of")


def run(args: argparse.Namespace, _: None) -> None:
    """Export the model, and say how closely the graph agrees with torch."""
    from ..loading.onnx_export import export_onnx

    difference = export_onnx(args.model, args.output, lambda line: sys.stderr.write(f"{line}\n"))
    sys.stderr.write(f"{args.output}: vectors differ from torch by at most {difference:.1e} in any dimension\n")
