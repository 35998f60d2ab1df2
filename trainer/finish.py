"""Finish a released model for shipping: its folder in, a smaller one with centred vectors out.

    python trainer/finish.py --model runs/my-model --output_dir checkpoints/mine --train_file coi.tsv.gz

- Centred: vectors that share a large mean are all alike by cosine, which hides what sets them apart. With mean
  pooling, taking it off the vectors is taking it off the bias of the last LayerNorm: the architecture stays.
- Smaller: weights are stored in float16 and read as float32, as the config.json says; one in float16 differs from its
  original by at most 2⁻¹¹ of it (1/2,048).
"""

import argparse
import logging
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.atomic import written_whole
from modeling_dnacse.attention import PACKED
from modeling_dnacse.checkpoints import load_checkpoint
from modeling_dnacse.labels import read_labelled
from trainer.command_line import run_command
from trainer.release import CARD, WEIGHTS, write_repository

logger = logging.getLogger("finish")
KEPT = (CARD, "training.json", "training_log.json")


def draw_sequences(files: list[str], split: str | None, most: int, seed: int) -> list[str]:
    """Sequences of the files, at most `most` of them, each as likely as another (reservoir sampling, Vitter 1985)."""
    rng, drawn, seen = random.Random(seed), [], 0
    for file in files:
        for row in read_labelled(file, split=split):
            seen += 1
            if len(drawn) < most:
                drawn.append(row["sequence"])
            elif (place := rng.randrange(seen)) < most:
                drawn[place] = row["sequence"]
    return drawn


def center(model: DnacseModel, mean: torch.Tensor) -> None:
    """Take `mean` (hidden,) off every vector of the model.

    Raises:
        ValueError: the model does not pool by the mean of its last layer.
    """
    if model.config.pooling != "mean":
        raise ValueError(f'the model pools by {model.config.pooling!r}; only with pooling "mean" can it be centred')
    last = f"encoder.layer.{model.config.num_hidden_layers - 1}.mlp.layernorm.bias"
    with torch.no_grad():
        model.get_parameter(last).sub_(mean)


def halve(weights: Path) -> None:
    """Store the tensors of a safetensors file in float16."""
    tensors = {name: tensor.half() for name, tensor in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})


def run(args: argparse.Namespace) -> None:
    """Center, store, and put the folder in place.

    Raises:
        ValueError: an argument or a file is not what it should be.
    """
    if args.output_dir.exists():
        raise ValueError(f"{args.output_dir} is there already; give another --output_dir or remove it")
    model, tokenizer = load_checkpoint(DnacseModel, str(args.model), attn_implementation=PACKED)
    sequences = draw_sequences(args.train_file, args.train_split, args.sequences, args.seed)
    if not sequences:
        raise ValueError(f"{', '.join(args.train_file)}: no sequences; give the training data")
    mean = torch.from_numpy(embed(model, tokenizer, sequences, progress=True).mean(0))
    center(model, mean)
    files = {name: (args.model / name).read_text() for name in KEPT if (args.model / name).exists()}
    args.output_dir.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output_dir) as folder:
        write_repository(folder, model, tokenizer, files)
        halve(folder / WEIGHTS)
    size = (args.output_dir / WEIGHTS).stat().st_size
    logger.info("%s: %.1f MB, mean of length %.3f taken off", args.output_dir, size / 1e6, float(mean.norm()))


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Finish a released model for shipping.", allow_abbrev=False)
    add = parser.add_argument
    add("--model", required=True, type=Path, help="folder of the released model")
    add("--output_dir", required=True, type=Path, help="a new folder")
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
