"""Start an encoder from embeddings fitted in closed form: labelled sequences in, a checkpoint out.

    python trainer/fit_embeddings.py --train_file coi.tsv.gz --train_split train --output_dir runs/start \\
        --config_name trainer/configs/barcode_mini.json --tokenizer_name runs/tokenizer
    accelerate launch trainer/train.py --model_name_or_path runs/start ...

A new encoder's vectors are nearly the mean of its tokens' embeddings, whatever its layers are: those add little at
first. With random embeddings that is a random projection of token counts, noisy and blind to which tokens matter. Here
the embeddings are a linear discriminant analysis (Fisher 1936; Rao 1948) of token frequencies instead: directions
in which sequences of one genus agree, and genera differ. It takes minutes and no gradient, and the layers are left to
learn what order and context add.

- x (features,) are the frequencies of the tokens of a sequence, special tokens left out, and of its bigrams where the
  model has embeddings of those: both tables are fitted as one.
- W is the scatter within classes, C that of all; each sequence weighs 1 / sqrt(size of its class), so that piled-up
  species do not own the scatters. A class is a genus, or with `--rank` a species, as for contigs of genomes; a record
  without a name there is left out.
- The columns of E (features, hidden) are the leading directions v of C v = a (W + shrinkage · w · 1) v, w the mean
  of W's diagonal, so that within-class noise is white. The mean frequency is moved to 0, and all rows scaled by one
  factor to about the length that LayerNorm gives to tokens anyway.
- LayerNorm gives every token the same length, so those that tell nothing would weigh as much as those that tell most.
  A constant vector added to all (the embedding of token types) makes it nearly linear; it is gone from the sequences'
  vectors, which are centred in the end.

Memory: a few (features, features) matrices in float64 (134 MB each at 4,096; 680 at 9,216, where the whole
takes 4.4 GB), and one row of counts a class; nothing grows with the number of sequences.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.sparse import csr_array
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.attention import PACKED
from modeling_dnacse.bigrams import NO_PAIR, bigram_rows
from modeling_dnacse.checkpoints import load_config, load_tokenizer
from modeling_dnacse.labels import read_labelled
from modeling_dnacse.sequences import reverse_complement
from trainer.centering import center, check_pooling, draw_sequences
from trainer.command_line import run_command

logger = logging.getLogger("fit_embeddings")
BLOCK = 4096  # sequences counted at once
CENTERED_ON = 500  # sequences
BREAK = -1  # in place of a token, between two sequences


def token_frequencies(
    tokenizer: PreTrainedTokenizerFast, sequences: list[str], both_strands: bool = False, buckets: int = 0
) -> csr_array:
    """How often tokens, and rows of bigrams, occur per token: (n, vocabulary + buckets), the first of which sum to 1.

    Of both strands it is the mean.
    """
    if both_strands:
        others = [reverse_complement(sequence) for sequence in sequences]
        one, other = (token_frequencies(tokenizer, each, buckets=buckets) for each in (sequences, others))
        return csr_array((one + other) / 2)
    ids = tokenizer(sequences, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    flat = np.concatenate([[*row, BREAK] for row in ids])
    owners = np.repeat(np.arange(len(ids)), [len(row) + 1 for row in ids])
    words = flat != BREAK
    columns, rows = [flat[words]], [owners[words]]
    if buckets:
        pairs = bigram_rows(torch.from_numpy(flat)[None], buckets)[0].numpy()
        columns.append(len(tokenizer) - 1 + pairs[pairs != NO_PAIR])
        rows.append(owners[pairs != NO_PAIR])
    lengths = np.array([max(len(row), 1) for row in ids])
    of_row = np.concatenate(rows)
    shape = (len(ids), len(tokenizer) + buckets)
    return csr_array((1 / lengths[of_row], (of_row, np.concatenate(columns))), shape=shape)


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
        self.products += (frequencies.T @ frequencies.multiply(self.weights[classes][:, None])).toarray()
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


def embedding_rows(directions: np.ndarray, mean: np.ndarray, tokens: int) -> np.ndarray:
    """The directions as embeddings, of the length that LayerNorm would give; the first `tokens` rows are moved.

    A token has one row of its own and at most one of a bigram, so to move the first kind by the mean vector of
    sequences moves that to 0.

    Args:
        directions: (features, hidden).
        mean: (features,) frequencies.
    """
    rows = directions.copy()
    rows[:tokens] -= mean @ directions
    return rows * np.sqrt(rows.shape[1] / (mean @ (rows**2).sum(1)))


def constant_vector(hidden: int, seed: int) -> torch.Tensor:
    """A random vector (hidden,) that LayerNorm leaves as it is: of mean 0 and variance 1."""
    drawn = torch.randn(hidden, generator=torch.Generator().manual_seed(seed))
    return (drawn - drawn.mean()) / drawn.std(correction=0)


def read_classes(files: list[str], split: str | None, rank: str) -> Iterator[tuple[str, str]]:
    """Sequence and name at `rank` of each record that has one."""
    for file in files:
        for row in read_labelled(file, split=split):
            if row[rank]:
                yield row["sequence"], row[rank]


def fit(tokenizer: PreTrainedTokenizerFast, args: argparse.Namespace, config: DnacseConfig) -> np.ndarray:
    """Read the records twice, to count the classes and then their tokens: embeddings (vocabulary + buckets, hidden).

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
    hidden, buckets = config.hidden_size, config.bigram_buckets
    if len(tokenizer) + buckets < hidden:
        raise ValueError(f"{len(tokenizer)} tokens and {buckets} rows of pairs are fewer than {hidden} columns")
    scatters = Scatters(len(tokenizer) + buckets, sizes)
    with tqdm(total=int(sizes.sum()), unit="seq") as bar:
        records = read_classes(args.train_file, args.train_split, args.rank)
        while block := list(islice(records, BLOCK)):
            sequences = [sequence for sequence, _ in block]
            frequencies = token_frequencies(tokenizer, sequences, args.both_strands, buckets)
            scatters.add(frequencies, np.array([numbers[name] for _, name in block]))
            bar.update(len(block))
    mean, within, of_all = scatters.finish(sizes)
    logger.info("solving for %d of %d directions", hidden, len(mean))
    return embedding_rows(discriminants(within, of_all, hidden, args.shrinkage), mean, len(tokenizer))


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
    embeddings = torch.from_numpy(fit(tokenizer, args, config)).float()
    with torch.no_grad():
        model.get_input_embeddings().weight[: len(tokenizer)] = embeddings[: len(tokenizer)]
        if model.embeddings.bigram_embeddings is not None:
            model.embeddings.bigram_embeddings.weight[NO_PAIR + 1 :] = embeddings[len(tokenizer) :]
        constant = args.constant * constant_vector(config.hidden_size, args.seed)
        model.embeddings.token_type_embeddings.weight[:] = constant
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
    add("--constant", type=float, default=1.0, help="in lengths of a token; default: %(default)s")
    add("--shrinkage", type=float, default=1.0, help="ridge, in mean variances of a token; default: %(default)s")
    add("--seed", type=int, default=0, help="of the random weights and draws")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's is one sentence and exit status 2."""
    run_command(run, parse_arguments(arguments))


if __name__ == "__main__":
    main()
