"""Finish a released model for shipping: its folder in, a smaller one with centred vectors out.

    python trainer/finish.py --model runs/my-model --output_dir checkpoints/mine --train_file coi.tsv.gz

- With `--start`, averaged: each weight is the mean of the model's and of the checkpoint's that its training started
  from (WiSE-FT, Wortsman et al. 2022). Most of what training gained stays, and what the start knew of classes that
  training did not see comes back.
- Centred, and of a fitting length, as centering.py says.
- Smaller: weights are stored in float16 and read as float32, as the config.json says; one in float16 differs from its
  original by at most 2⁻¹¹ of it (1/2,048), or by 3e-8 where it is below 6e-5.
"""

import argparse
import logging
import sys
from pathlib import Path

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from trainer.running.command_line import require

    require("torch", "transformers", "dnaio")

import torch
from safetensors.torch import load_file, save_file

from modeling_dnacse import DnacseModel
from modeling_dnacse.attention import PACKED
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.machine.atomic import written_whole
from trainer.releasing.release import CARD, WEIGHTS, write_repository
from trainer.running.command_line import run_command
from trainer.starting.centering import center, draw_sequences, lengthen

logger = logging.getLogger("finish")
KEPT = (CARD, "training.json", "training_log.json")


def average(model: DnacseModel, start: DnacseModel, share: float) -> None:
    """Make each weight of `model` (1 - share) of itself and `share` of that of `start`.

    Raises:
        ValueError: they are of other architectures, or the share is none.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"--start_share is {share}; give a number from 0, the model, to 1, its start")
    others = start.state_dict()
    shapes = {name: tensor.shape for name, tensor in others.items()}
    if shapes != {name: tensor.shape for name, tensor in model.state_dict().items()}:
        raise ValueError(
            f"{start.name_or_path} has other weights than {model.name_or_path}; give the start it was trained from"
        )
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.lerp_(others[name], share)


def halve(weights: Path) -> None:
    """Store the numbers of a safetensors file in float16; integers stay."""
    tensors = load_file(weights)
    tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    save_file(tensors, weights, metadata={"format": "pt"})


def run(args: argparse.Namespace) -> None:
    """Center, store, and put the folder in place.

    Raises:
        ValueError: an argument or a file is not what it should be.
    """
    if args.output_dir.exists():
        raise ValueError(f"{args.output_dir} is there already; give another --output_dir or remove it")
    model, tokenizer = load_checkpoint(DnacseModel, str(args.model), attn_implementation=PACKED)
    if args.start:
        average(model, load_checkpoint(DnacseModel, str(args.start))[0], args.start_share)
    sequences = draw_sequences(args.train_file, args.train_split, args.sequences, args.seed)
    exponent = lengthen(model, center(model, tokenizer, sequences))
    files = {name: (args.model / name).read_text() for name in KEPT if (args.model / name).exists()}
    args.output_dir.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output_dir) as folder:
        write_repository(folder, model, tokenizer, files)
        halve(folder / WEIGHTS)
    size = (args.output_dir / WEIGHTS).stat().st_size
    logger.info("%s: %.1f MB, mean taken off, times 2^%d", args.output_dir, size / 1e6, exponent)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Finish a released model for shipping.", allow_abbrev=False)
    add = parser.add_argument
    add("--model", required=True, type=Path, help="folder of the released model")
    add("--output_dir", required=True, type=Path, help="a new folder")
    add("--start", type=Path, help="checkpoint that the training of the model started from, to average with")
    add("--start_share", type=float, default=0.5, help="of the start in that mean; default: %(default)s")
    add("--train_file", nargs="+", required=True, help="FASTA, FASTQ, CSV, TSV or parquet")
    add("--train_split", help="use only the records of this split")
    add("--sequences", type=int, default=2000, help="how many to average over; default: %(default)s")
    add("--seed", type=int, default=0, help="of the draw")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's is one sentence and exit status 2."""
    run_command(run, parse_arguments(arguments))


if __name__ == "__main__":
    main()
