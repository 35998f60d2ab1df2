"""Start an encoder from embeddings fitted in closed form: labelled sequences in, a checkpoint out.

    python trainer/fit_embeddings.py --train_file coi.tsv.gz --train_split train --output_dir runs/start \\
        --config_name trainer/configs/barcode_mini.json --tokenizer_name runs/tokenizer
    accelerate launch trainer/train.py --model_name_or_path runs/start ...

A new encoder's vectors are nearly the mean of its tokens' embeddings, whatever its layers are: those add little at
first. With random embeddings that is a random projection of word counts, noisy and blind to which words matter. Here
the embeddings are a linear discriminant analysis (Fisher 1936; Rao 1948) of the words' frequencies instead: directions
in which sequences of one genus agree, and genera differ. It takes minutes and no gradient, and the layers are left to
learn what order and context add.

- x (features,) are the frequencies of a sequence's words: of its k-mers where the model has embeddings of those
  (kmers.py; its tokens then start as they are drawn, small), else of its tokens, special ones left out.
- W is the scatter within classes, C that of all; each sequence weighs 1 / sqrt(size of its class), so that piled-up
  species do not own the scatters. A class is a genus, or with `--rank` a species, as for contigs of genomes; a record
  without a name there is left out.
- The columns of E (features, hidden - 2) are the leading directions v of C v = a (W + shrinkage · w · 1) v, w the mean
  of W's diagonal, so that within-class noise is white. The mean frequency is moved to 0, and all rows scaled by one
  factor to about the length that LayerNorm gives to tokens anyway.
- LayerNorm gives every token the same length, so those that tell nothing would weigh as much as those that tell most.
  A constant vector added to all (the embedding of token types) makes it nearly linear, the more so the longer it is.
- The constant has two columns to itself, a and -a, to which the last LayerNorm gives the weight 0. What is left of it
  would tell how much its tokens hold, and so errors, which make for short tokens, from species.
- The sequences' vectors are centred in the end.

Memory: a few (features, features) matrices in float64 (134 MB each at 4,096 features, 537 at the 8,192 of 7-mers), and
one row of counts a class; nothing grows with the number of sequences.
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
    from trainer.running.command_line import require

    require("torch", "transformers", "dnaio", "scipy")

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.sparse import csr_array
from torch.nn import functional as F
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseModel
from modeling_dnacse.attention import PACKED
from modeling_dnacse.loading.checkpoints import load_config, load_tokenizer
from modeling_dnacse.reading.labels import read_labelled
from trainer.running.command_line import run_command
from trainer.starting.centering import center, check_pooling, draw_sequences, last_norm
from trainer.starting.feature_frequencies import frequencies_of, word_rows

logger = logging.getLogger("fit_embeddings")
BLOCK = 4096  # sequences counted at once
CENTERED_ON = 500  # sequences
CONSTANT_COLUMNS = 2


class Scatters:
    """Sums over sequences from which the scatters within classes and of all follow."""

    def __init__(self, features: int, sizes: np.ndarray) -> None:
        """Start at 0; `sizes` (classes,) are the numbers of sequences that each class will have."""
        self.weights = 1 / np.sqrt(sizes)  # of a sequence of each class
        self.products = np.zeros((features, features))
        self.sums = csr_array((len(sizes), features))

    def add(self, frequencies: csr_array, classes: np.ndarray) -> None:
        """Count a block: (n, features) and the class of each row (n,)."""
        rows = np.arange(len(classes))
        chosen = csr_array((self.weights[classes], (classes, rows)), shape=(len(self.weights), len(rows)))
        weighted = frequencies.multiply(np.sqrt(self.weights[classes])[:, None]).toarray().astype(np.float32)
        self.products += weighted.T @ weighted  # in float32 ten times as fast as of a sparse table
        self.sums = self.sums + chosen @ frequencies

    def finish(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The mean (features,), the scatter within classes and the scatter of all (features, features)."""
        of_class = self.weights * sizes  # (classes,)
        total = of_class.sum()
        mean = np.asarray(self.sums.sum(axis=0)).ravel() / total
        of_all = self.products / total - np.outer(mean, mean)
        between = (self.sums.T @ self.sums.multiply(1 / of_class[:, None])).toarray() / total - np.outer(mean, mean)
        return mean, of_all - between, of_all


def discriminants(within: np.ndarray, of_all: np.ndarray, hidden: int, shrinkage: float) -> np.ndarray:
    """The `hidden` leading directions, (vocabulary, hidden), along which the scatter within classes is 1.

    >>> discriminants(np.diag([1.0, 1.0]), np.diag([2.0, 9.0]), 1, 0.0).round(6).tolist()
    [[0.0], [1.0]]
    """
    ridge = shrinkage * np.trace(within) / len(within)
    last = len(within) - 1
    _, directions = eigh(of_all, within + ridge * np.eye(len(within)), subset_by_index=[last - hidden + 1, last])
    leading = directions[:, ::-1]
    return leading * np.sign(leading[np.abs(leading).argmax(0), np.arange(hidden)])  # eigh leaves the signs open


def embedding_rows(directions: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The directions as embeddings (features, hidden), of mean 0 and of the length that LayerNorm would give.

    Args:
        directions: (features, hidden).
        mean: (features,) frequencies, of sum 1.
    """
    rows = directions - mean @ directions
    return rows * np.sqrt(rows.shape[1] / (mean @ (rows**2).sum(1)))


def write_start(model: DnacseModel, words: torch.Tensor, rows: torch.Tensor, constant: float) -> None:
    """Put fitted rows (features, hidden - CONSTANT_COLUMNS) and a constant, in lengths of a word, into a model.

    Args:
        model: The model.
        words: Its embeddings (features, hidden) that the rows are for, of `word_rows`.
        rows: What was fitted.
        constant: Length of the constant.
    """
    norm, length = last_norm(model), math.sqrt(model.config.hidden_size)
    with torch.no_grad():
        words[:] = F.pad(rows, (CONSTANT_COLUMNS, 0))
        constant_vector = torch.tensor([1.0, -1.0]) * constant * length / math.sqrt(2)
        model.embeddings.token_type_embeddings.weight[:] = F.pad(constant_vector, (0, rows.shape[1]))
        norm.weight[:CONSTANT_COLUMNS] = 0
        norm.bias[:CONSTANT_COLUMNS] = 0


def read_classes(files: list[str], split: str | None, rank: str) -> Iterator[tuple[str, str]]:
    """Sequence and name at `rank` of each record that has one."""
    for file in files:
        for row in read_labelled(file, split=split):
            if row[rank]:
                yield row["sequence"], row[rank]


def fit(model: DnacseModel, tokenizer: PreTrainedTokenizerFast, args: argparse.Namespace) -> np.ndarray:
    """Read the records twice, to count the classes and then their features: rows as `write_start` takes them.

    Raises:
        ValueError: fewer than two classes, or none with two records, or fewer rows than columns.
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
            f"{', '.join(args.train_file)}: {len(sizes)} names of {args.rank}, the commonest of "
            f"{sizes.max(initial=0)} records; two names and two records of one are needed: add a column {args.rank}"
        )
    features, hidden = len(word_rows(model, tokenizer)), model.config.hidden_size - CONSTANT_COLUMNS
    if features < hidden:
        raise ValueError(
            f"{features} words are fewer than {hidden} columns; give a tokenizer of more tokens, or less hidden_size"
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
    return embedding_rows(discriminants(within, of_all, hidden, args.shrinkage), mean)


def run(args: argparse.Namespace) -> None:
    """Fit, put into a new encoder, save.

    Raises:
        ValueError: an argument or a file is not what it should be.
    """
    if (args.output_dir / "config.json").exists():
        raise ValueError(f"{args.output_dir} holds a model already; give another --output_dir or remove it")
    tokenizer = load_tokenizer(args.tokenizer_name)
    config = load_config(args.config_name, tokenizer)
    config.both_strands = args.both_strands
    check_pooling(config.pooling)
    torch.manual_seed(args.seed)
    model = DnacseModel(config)
    rows = torch.from_numpy(fit(model, tokenizer, args)).float()
    write_start(model, word_rows(model, tokenizer), rows, args.constant)
    model.set_attn_implementation(PACKED)
    center(model, tokenizer, draw_sequences(args.train_file, args.train_split, CENTERED_ON, args.seed))
    model.save_pretrained(args.output_dir)
    tokenizer.save_pretrained(args.output_dir)
    logger.info("Saved to %s: %s", args.output_dir, json.dumps({"parameters": model.num_parameters()}))


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Fit token embeddings in closed form.", allow_abbrev=False)
    add = parser.add_argument
    add("--train_file", nargs="+", required=True, help="FASTA, FASTQ, CSV, TSV or parquet, with genera")
    add("--train_split", help="use only the records of this split")
    add("--config_name", required=True, help="architecture: a config.json or its folder")
    add("--tokenizer_name", required=True)
    add("--output_dir", required=True, type=Path)
    add("--rank", choices=("species", "genus"), default="genus", help="of the classes; default: %(default)s")
    add("--both_strands", action="store_true", help="the model's vectors will be means over both strands")
    add("--constant", type=float, default=4.0, help="in lengths of a word; default: %(default)s")
    add("--shrinkage", type=float, default=1.0, help="ridge, in mean variances of a word; default: %(default)s")
    add("--seed", type=int, default=0, help="of the random weights and draws")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's is one sentence and exit status 2."""
    run_command(run, parse_arguments(arguments))


if __name__ == "__main__":
    main()
