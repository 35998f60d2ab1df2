"""Fit the embeddings of a new encoder in closed form: labelled sequences in, a checkpoint to train from out.

    python trainer/fit_embeddings.py --train_file coi.tsv.gz --train_split train --output_dir runs/start \\
        --config_name trainer/configs/barcode_mini.json --tokenizer_name runs/tokenizer
    accelerate launch trainer/train.py --model_name_or_path runs/start ...

The vectors of a new encoder are nearly the mean of its token embeddings, since untrained layers add little. With
random embeddings that is a random projection of feature counts, in which uninformative features count as much as
others. Here the embeddings come from a linear discriminant analysis (Fisher 1936; Rao 1948) of feature frequencies:
directions in which sequences of one genus agree and genera differ. This takes minutes and needs no gradient descent.
Training then teaches the layers what order and context add.

- Features are k-mers if the model has k-mer embeddings (kmers.py; its token embeddings then stay small and random),
  and otherwise tokens, special tokens left out. x (features,) are their frequencies in a sequence.
- W is the scatter of x within classes, C the scatter of all x. Each sequence has the weight 1 / sqrt(size of its
  class), so that a few large classes do not dominate. A class is a genus, or with `--rank species` a species, as for
  contigs of genomes. Records without a name at that rank are left out.
- The columns of E (features, hidden - 2) are the leading solutions v of C v = a (W + shrinkage · w · 1) v, with w the
  mean of the diagonal of W. So the variation within classes is white. E is shifted so that the mean frequency maps to
  0, and scaled by one factor to about the length that LayerNorm gives to tokens.
- LayerNorm gives every token the same length, so that uninformative tokens would weigh as much as informative ones. A
  constant vector added to all tokens (the token type embedding) makes LayerNorm nearly linear, the more so the longer
  the constant is.
- The constant has two columns of its own, a and -a, which the last LayerNorm multiplies by 0. Otherwise they would
  encode the length of tokens, and so would separate sequences by their sequencing errors, which make tokens short.
- Finally, the vectors are centred.

Memory: a few (features, features) matrices in float64 (134 MB each for 4,096 features, 537 MB for the 8,192 7-mers)
and one row of counts for each class. It does not grow with the number of sequences.
"""

import argparse
import json
import logging
import math
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from trainer.command_line import require

    require("torch", "transformers", "dnaio", "scipy")

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseModel
from modeling_dnacse.attention import PACKED
from modeling_dnacse.commands.options import at_least, between, parsed
from modeling_dnacse.fitting.centering import center, check_pooling, last_norm, sample
from modeling_dnacse.fitting.discriminants import Scatters, discriminants, embedding_rows
from modeling_dnacse.fitting.feature_frequencies import feature_embeddings, frequencies_of
from modeling_dnacse.loading.checkpoints import load_config, load_tokenizer
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.outputs import check_model_folder, check_outputs, check_plain
from modeling_dnacse.machine.plain_messages import plain_messages
from trainer.command_line import run_command
from trainer.records.chosen_split import read_training

logger = logging.getLogger("fit_embeddings")
BLOCK = 4096  # sequences counted at once
CENTERING_SAMPLE = 500  # sequences
CONSTANT_COLUMNS = 2
LONG = 100_000  # bp of a sequence whose vector takes many seconds


def write_embeddings(model: DnacseModel, features: torch.Tensor, fitted: torch.Tensor, constant: float) -> None:
    """Write fitted embeddings and the constant into a model.

    Args:
        model: The model.
        features: Its embeddings (features, hidden) as `feature_embeddings` gives them, which are overwritten.
        fitted: (features, hidden - CONSTANT_COLUMNS).
        constant: Length of the constant, as a multiple of the mean length of an embedding.
    """
    norm, length = last_norm(model), math.sqrt(model.config.hidden_size)
    with torch.no_grad():
        features[:] = F.pad(fitted, (CONSTANT_COLUMNS, 0))
        constant_vector = torch.tensor([1.0, -1.0]) * constant * length / math.sqrt(2)
        model.embeddings.token_type_embeddings.weight[:] = F.pad(constant_vector, (0, fitted.shape[1]))
        norm.weight[:CONSTANT_COLUMNS] = 0
        norm.bias[:CONSTANT_COLUMNS] = 0


def read_classes(files: list[str], split: str | None, rank: str) -> Iterator[tuple[str, str]]:
    """The sequence and the name at `rank` of each record that has a name there."""
    for row in read_training(files, split):
        if row[rank]:
            yield row["sequence"], row[rank]


def fit(model: DnacseModel, tokenizer: PreTrainedTokenizerFast, args: argparse.Namespace) -> np.ndarray:
    """Read the records twice, to count classes and then features; return embeddings as `write_embeddings` takes them.

    Raises:
        ValueError: there are fewer than two classes, no class has two records, or features are fewer than columns.
    """
    numbers: dict[str, int] = {}
    counts: list[int] = []
    for _, name in read_classes(args.train_file, args.train_split, args.rank):
        if name not in numbers:
            numbers[name] = len(counts)
            counts.append(0)
        counts[numbers[name]] += 1
    sizes = np.array(counts)
    if len(sizes) < 2 or sizes.max() < 2:
        raise ValueError(
            f"{', '.join(args.train_file)}: {len(sizes)} names of {args.rank}, the most frequent with "
            f"{sizes.max(initial=0)} records; two names and two records of one are needed: add a column {args.rank}"
        )
    features, hidden = len(feature_embeddings(model, tokenizer)), model.config.hidden_size - CONSTANT_COLUMNS
    if features < hidden:
        raise ValueError(
            f"the model has {features} features, fewer than the {hidden} columns to fit; give a tokenizer with more "
            "tokens, or a smaller hidden_size"
        )
    scatters = Scatters(features, sizes)
    with tqdm(total=int(sizes.sum()), unit="seq") as bar:
        records = read_classes(args.train_file, args.train_split, args.rank)
        while block := list(islice(records, BLOCK)):
            frequencies = frequencies_of(model, tokenizer, [sequence for sequence, _ in block])
            scatters.add(frequencies, np.array([numbers[name] for _, name in block]))
            bar.update(len(block))
    mean, within, of_all = scatters.finish(sizes)
    logger.info("solving for %d of %d directions", hidden, len(mean))
    try:
        return embedding_rows(discriminants(within, of_all, hidden, args.shrinkage), mean)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"--shrinkage {args.shrinkage} leaves no solution: within classes some features do not vary; raise it"
        ) from None


def read_fitted(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read embeddings that an earlier run fitted.

    Raises:
        ValueError: they are of another model, or the file is damaged.
    """
    try:
        fitted = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # numpy raises many classes for invalid bytes
        raise ValueError(f"{path} is no NPY file of numbers ({error}); remove it, and it is made anew") from None
    if fitted.dtype.kind != "f" or not np.isfinite(fitted).all():
        raise ValueError(f"{path} does not hold an array of finite numbers; remove it, and it is made anew")
    if fitted.shape != shape:
        raise ValueError(
            f"{path} holds embeddings of {' x '.join(map(str, fitted.shape))} numbers, the model needs "
            f"{shape[0]} x {shape[1]}; give the file of this model"
        )
    return np.array(fitted)


def run(args: argparse.Namespace) -> None:
    """Make a new encoder, fit its embeddings, and save it.

    Raises:
        ValueError: an argument or a file is not what it should be.
    """
    inputs = [args.config_name, args.tokenizer_name, *args.train_file]
    check_model_folder(args.output_dir, inputs, parents=True)
    if args.fitted:
        check_plain([args.fitted])
        check_outputs([args.fitted], inputs)
    tokenizer = load_tokenizer(args.tokenizer_name)
    config = load_config(args.config_name, tokenizer)
    config.both_strands = args.both_strands
    check_pooling(config.pooling)
    torch.manual_seed(args.seed)
    model = DnacseModel(config)
    features = feature_embeddings(model, tokenizer)
    if args.fitted and args.fitted.exists():
        logger.info(
            "%s is there, so nothing is fitted: it must be of this tokenizer; its data and --rank count", args.fitted
        )
        fitted = read_fitted(args.fitted, (len(features), config.hidden_size - CONSTANT_COLUMNS))
    else:
        fitted = fit(model, tokenizer, args)
        if args.fitted:
            with written_whole(args.fitted) as hidden, hidden.open("wb") as file:
                np.save(file, fitted.astype(np.float16))
    write_embeddings(model, features, torch.from_numpy(fitted).float(), args.constant)
    model.set_attn_implementation(PACKED)
    sequences = (row["sequence"] for row in read_training(args.train_file, args.train_split))
    drawn = sample(sequences, CENTERING_SAMPLE, args.seed)
    longest = max(map(len, drawn), default=0)
    logger.info("embedding %d sequences to centre the vectors, the longest of %s bp", len(drawn), f"{longest:,}")
    if longest > LONG:
        logger.info("the time for a sequence grows with the square of its length, so this may take minutes")
    center(model, tokenizer, drawn)
    args.output_dir.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output_dir) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    logger.info("saved to %s: %s", args.output_dir, json.dumps({"parameters": model.num_parameters()}))


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Fit the embeddings of a new encoder to labelled sequences in closed form.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--train_file", nargs="+", required=True, help="Labelled sequences: FASTA, FASTQ, CSV, TSV or parquet.")
    add("--train_split", help="Use only records of this split.")
    add("--config_name", required=True, help="Architecture: a config.json, or a folder or Hub id with one.")
    add("--tokenizer_name", required=True, help="Folder or Hub id of the tokenizer.")
    add("--output_dir", required=True, type=Path, help="Folder for the checkpoint.")
    add(
        "--fitted",
        type=Path,
        help="NPY file of the fitted embeddings: read if it is there, otherwise written, in float16. So another "
        "machine, or a model with other layers, needs no fit. It does not tell its tokenizer and data: give each fit "
        "a file of its own.",
    )
    add("--rank", choices=("species", "genus"), default="genus", help="Rank of the classes.")
    add("--both_strands", action="store_true", help="Make a model whose vectors are means over both strands.")
    add(
        "--constant",
        type=between(0.0, 1e6),
        default=4.0,
        help="Length of the constant vector, in mean lengths of an embedding.",
    )
    add(
        "--shrinkage",
        type=between(0.0, 1e9),
        default=1.0,
        help="Ridge, in mean within-class variances of a feature.",
    )
    add(
        "--seed",
        type=at_least(0),
        default=0,
        help="Random seed of the weights and of the sample for centering.",
    )
    return parsed(parser, arguments)


@plain_messages()
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    run_command(run, parse_arguments(arguments))


if __name__ == "__main__":
    main()
