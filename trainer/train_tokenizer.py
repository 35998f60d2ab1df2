"""Labelled sequence files in, a DNA tokenizer out: byte pair encoding over ACGT as a Hugging Face fast tokenizer.

    python trainer/train_tokenizer.py --train_file coi.tsv.gz --train_split train --output_dir tokenizer

The layout is that of DNABERT-2 ([UNK] [CLS] [SEP] [PAD] [MASK] first, template `[CLS] A [SEP]`). Three things differ:

- The tokenizer itself applies the alphabet policy of modeling_dnacse/reading/sequences.py, so raw and cleaned
  sequences give the same ids. Only an illegal character, which is an error there, is [UNK] here.
- A run of N is one [UNK], whatever its length; DNABERT-2 gives one [UNK] for each N.
- Tokens have at most 16 bp by default. Without a bound, conserved stretches of a barcode of up to 159 bp become
  tokens, and a single substitution breaks such a token up.

Merges are learnt from whole sequences, cut at N. The 43,668 training sequences of COI take 73 CPU seconds and 2.4 GB
of memory. A sample of 5,000 (`--max_sequences 5000`) takes 14 CPU seconds and 0.7 GB; on species outside the sample, a
token then has 6.81 instead of 6.85 bp on average.
"""

import argparse
import logging
import random
import sys
from collections.abc import Iterable
from pathlib import Path

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from trainer.command_line import require

    require("transformers", "dnaio")


from tokenizers import Tokenizer, models, processors, trainers
from transformers import PreTrainedTokenizerFast

from modeling_dnacse.commands.options import at_least, between, parsed
from modeling_dnacse.embedding.tokenization import apply_alphabet_policy
from modeling_dnacse.machine.atomic import naming_what_has_no_room, written_whole
from modeling_dnacse.machine.locks import Lock
from modeling_dnacse.machine.outputs import check_folder
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.scratch import scratch_folder
from modeling_dnacse.reading.sequences import AlphabetCounts
from trainer.command_line import run_command
from trainer.records.chosen_split import read_training

SPECIAL_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")  # in the order of their ids
BASES = "ACGT"
SMALLEST_VOCABULARY = len(SPECIAL_TOKENS) + len(BASES)

logger = logging.getLogger(__name__)


def train_tokenizer(
    sequences: Iterable[str], vocab_size: int = 4096, max_token_length: int | None = 16
) -> PreTrainedTokenizerFast:
    """Learn a vocabulary from cleaned sequences; the same sequences give the same tokenizer.

    Args:
        sequences: Letters A, C, G, T and N, as `clean_sequence` returns them.
        vocab_size: Number of entries, special tokens and bases included; the result has fewer if no further pair of
            tokens occurs twice.
        max_token_length: In bp; None: no bound.

    Raises:
        ValueError: the vocabulary is too small for the special tokens and the bases, or tokens for two bases.

    >>> tokenizer = train_tokenizer(["ACGTACGTACGT"], vocab_size=12)
    >>> tokenizer.convert_ids_to_tokens(tokenizer("acgu-NNN")["input_ids"])
    ['[CLS]', 'ACGT', '[UNK]', '[SEP]']
    """
    if vocab_size < SMALLEST_VOCABULARY:
        raise ValueError(
            f"vocab_size {vocab_size} is too small; at least {SMALLEST_VOCABULARY} entries are needed for the special "
            f"tokens and the bases, 4096 is usual"
        )
    if max_token_length is not None and max_token_length < 2:
        raise ValueError(f"max_token_length {max_token_length} is too small; give 2 bp or more, or 0 for no bound")
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", fuse_unk=True))
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=list(BASES),
        limit_alphabet=len(BASES),
        show_progress=False,
        # tokenizers merges up to one base less than this
        max_token_length=None if max_token_length is None else max_token_length + 1,
    )
    # the trainer drops letters outside the alphabet and would merge across an N: cut the sequences there
    pieces = (piece for sequence in sequences for piece in sequence.split("N") if piece)
    tokenizer.train_from_iterator(pieces, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, SPECIAL_TOKENS.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
    return apply_alphabet_policy(fast)


def bases_per_token(tokenizer: PreTrainedTokenizerFast, sequences: list[str]) -> float:
    """Return the mean length of a token in bp, special tokens left out."""
    batch = tokenizer(sequences, add_special_tokens=False)["input_ids"]
    return sum(map(len, sequences)) / sum(map(len, batch))


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Train a DNA tokenizer by byte pair encoding.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--train_file", nargs="+", required=True, help="Files of sequences: FASTA, FASTQ, CSV, TSV or parquet.")
    add("--train_split", help="Use only records of this split.")
    add("--output_dir", required=True, type=Path, help="Folder for the tokenizer.")
    add("--vocab_size", type=between(1, 2**24), default=4096, help="Number of tokens, special ones included.")
    add("--max_token_length", type=between(0, 2**24), default=16, help="Longest token in bp; 0: no bound.")
    add("--max_sequences", type=at_least(1), help="Train on a random sample of at most this many sequences.")
    add("--seed", type=at_least(0), default=0, help="Random seed of that sample.")
    return parsed(parser, arguments)


def run(arguments: argparse.Namespace) -> None:
    """Read the sequences, sample, train, and save the tokenizer.

    Raises:
        ValueError: an argument or a file is not what it should be.
    """
    output = arguments.output_dir
    check_folder(output, arguments.train_file, suffixes=(".json",), parents=True)
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    try:
        with Lock(output / ".lock", f"another run writes to {output}; wait for it, or choose another --output_dir"):
            train(arguments, output)
    finally:
        if is_new and output.is_dir() and not any(output.iterdir()):
            output.rmdir()


def train(arguments: argparse.Namespace, output: Path) -> None:
    """Read, train and save, while the folder is locked."""
    if (output / "tokenizer.json").exists():
        raise ValueError(
            f"{output} holds a tokenizer already; give another --output_dir or remove {output}/tokenizer.json"
        )
    counts = AlphabetCounts()
    sequences = [row["sequence"] for row in read_training(arguments.train_file, arguments.train_split, counts)]
    logger.info(counts.summary())
    random.Random(arguments.seed).shuffle(sequences)
    sequences = sequences[: arguments.max_sequences]
    tokenizer = train_tokenizer(sequences, arguments.vocab_size, arguments.max_token_length or None)
    if len(tokenizer) < arguments.vocab_size:
        logger.warning(
            "the vocabulary has %d entries instead of %d, since no further pair occurs twice; give more sequences",
            len(tokenizer),
            arguments.vocab_size,
        )
    with scratch_folder() as draft:
        with naming_what_has_no_room(draft):  # of the folder for temporary files
            tokenizer.save_pretrained(draft / "tokenizer")
        files = {file.name: file.read_bytes() for file in (draft / "tokenizer").iterdir()}
    # after the draft is gone: when tokenizer.json is there, the last file, a killed run is not run again
    for name in sorted(files, reverse=True):
        with written_whole(output / name) as hidden:
            hidden.write_bytes(files[name])
    reached = bases_per_token(tokenizer, sequences[:1000])
    logger.info("saved to %s: %.2f bp per token on a sample of the training sequences", output, reached)


@plain_messages()
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    run_command(run, parse_arguments(arguments))


if __name__ == "__main__":
    main()
