"""Prepare a released model for shipping: its folder in, a folder half the size, with centred vectors, out.

    python trainer/finish.py --model runs/my-model --output_dir checkpoints/mine --train_file coi.tsv.gz

- With `--start`, each weight becomes the mean of the model's weight and the weight of the checkpoint that training
  started from (WiSE-FT, Wortsman et al. 2022). The model keeps most of what training gained, and regains what the
  start contained about classes that training did not see.
- Vectors are centred and rescaled (modeling_dnacse/fitting/centering.py), but not those of a model with sites, whose
  fit does this already.
- The record of training gets what was done here. The card loses its scores, which are those of the model before, and
  tells it.
- Weights are stored in float16 and loaded as float32, as config.json says. A weight changes by at most 2⁻¹¹ (1/2,048)
  of itself, or by 3e-8 if it is below 6e-5.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from trainer.command_line import require

    require("torch", "transformers", "dnaio")

import torch
from huggingface_hub import ModelCard

from modeling_dnacse import DnacseModel
from modeling_dnacse.attention import PACKED
from modeling_dnacse.commands.options import at_least, between, parsed
from modeling_dnacse.fitting.centering import center, rescale, sample
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.loading.config_values import REMEDY
from modeling_dnacse.loading.model_cards import card_data
from modeling_dnacse.loading.repository import CARD, RECORD, WEIGHTS, forget_thresholds, halve, write_repository
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.outputs import check_model_folder
from modeling_dnacse.machine.plain_messages import plain_messages
from trainer.command_line import run_command
from trainer.records.chosen_split import read_training
from trainer.releasing.training_record import as_json, name_of

logger = logging.getLogger("finish")
KEPT = (CARD, RECORD, "training_log.json")
SHARE = 0.5  # of the start in the average


def average(model: DnacseModel, start: DnacseModel, share: float) -> None:
    """Replace each weight of `model` by (1 - share) times itself plus `share` times the weight of `start`.

    Raises:
        ValueError: the architectures differ, or the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"--start_share is {share}; give a number from 0 (the model) to 1 (its start)")
    others = start.state_dict()
    shapes = {name: tensor.shape for name, tensor in others.items()}
    if shapes != {name: tensor.shape for name, tensor in model.state_dict().items()}:
        raise ValueError(
            f"{start.name_or_path} has other weights than {model.name_or_path}; give the checkpoint that "
            "its training started from"
        )
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.lerp_(others[name], share)


def text_of_file(path: Path) -> str:
    """The text of a file that goes with the model.

    Raises:
        ValueError: it is no text in UTF-8, or no object in JSON.
    """
    if path.name == RECORD:
        read_object(path, REMEDY)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason}); save it as UTF-8, or remove it") from None


def finished_card(path: Path, text: str, done: str) -> str:
    """A card that tells how the model was finished, without the scores in its metadata, which are of other vectors.

    Raises:
        ValueError: its metadata cannot be read.
    """
    if card_data(path, text).eval_results:
        card = ModelCard(text, ignore_metadata_errors=True)
        card.data.eval_results = None  # pyright: ignore[reportAttributeAccessIssue] it is that of a model
        text = str(card)
    told = f"Afterwards `trainer/finish.py` changed this model: {done}. Scores above are those before."
    return f"{text.rstrip()}\n\n## Finishing\n\n{told}\n"


def run(args: argparse.Namespace) -> None:
    """Average, center, rescale and store the model.

    Raises:
        ValueError: an argument or a file is not what it should be.
    """
    check_model_folder(args.output_dir, [args.model, args.start, *args.train_file], parents=True)
    if args.start_share is not None and args.start is None:
        raise ValueError("--start_share is the weight of the checkpoint --start; give that too, or leave it out")
    files = {name: text_of_file(args.model / name) for name in KEPT if (args.model / name).exists()}
    model, tokenizer = load_checkpoint(DnacseModel, str(args.model), attn_implementation=PACKED)
    done = "weights in float16"
    facts: dict[str, Any] = {"start": None, "start_share": None, "centred_by": None}
    if args.start:
        share = SHARE if args.start_share is None else args.start_share
        average(model, load_checkpoint(DnacseModel, str(args.start))[0], share)
        facts |= {"start": name_of(str(args.start)), "start_share": share}
        done += f", averaged with `{facts['start']}` (share {share})"
    forget_thresholds(model)
    if model.sites is None:
        given = (row["sequence"] for row in read_training(args.train_file, args.train_split))
        sequences = sample(given, args.sequences, args.seed)
        exponent = rescale(model, center(model, tokenizer, sequences))
        done += f", mean vector subtracted, vectors times 2^{exponent}"
        sources = [Path(file).name for file in args.train_file]
        facts["centred_by"] = {"sources": sources, "split": args.train_split, "sequences": len(sequences)}
    if CARD in files:
        files[CARD] = finished_card(args.model / CARD, files[CARD], done)
    if RECORD in files:
        files[RECORD] = as_json(json.loads(files[RECORD]) | {"finished": facts | {"seed": args.seed}})
    args.output_dir.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output_dir) as folder:
        write_repository(folder, model, tokenizer, files)
        halve(folder / WEIGHTS)
    size = (args.output_dir / WEIGHTS).stat().st_size
    logger.info("%s: %.1f MB, %s", args.output_dir, size / 1e6, done)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Prepare a released model for shipping: center its vectors and halve its size.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model", required=True, type=Path, help="Folder of the released model.")
    add("--output_dir", required=True, type=Path, help="New folder for the result.")
    add("--start", type=Path, help="Average the model with this checkpoint, from which its training started.")
    add("--start_share", type=between(0.0, 1), help=f"Weight of the start in that average; {SHARE} if not given.")
    add(
        "--train_file",
        nargs="+",
        required=True,
        help="Training sequences: FASTA, FASTQ, CSV, TSV or parquet.",
    )
    add("--train_split", help="Use only records of this split.")
    add(
        "--sequences",
        type=at_least(1),
        default=2000,
        help="Number of sequences whose mean vector is subtracted.",
    )
    add("--seed", type=at_least(0), default=0, help="Random seed of that sample.")
    return parsed(parser, arguments)


@plain_messages()
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    run_command(run, parse_arguments(arguments))


if __name__ == "__main__":
    main()
