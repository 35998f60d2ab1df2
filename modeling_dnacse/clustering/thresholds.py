"""The similarity at which sequences belong together: given, chosen on labelled sequences, or the model's own.

| for | chosen on labelled sequences | the model's own, in its config.json |
|---|---|---|
| species | `clustering.species_threshold`: best agreement of average linkage with species | species_similarity |
| bins | `binning.similarity_threshold`: the 70th percentile rule | bin_similarity |

Labelled sequences should be of species that the model was not trained on, as most are that one clusters: those that
it knows lie closer together.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from transformers import PreTrainedTokenizerBase

from .average_linkage import species_threshold
from .entries import embed_entries, list_entries
from .k_medoid import similarity_threshold

Purpose = Literal["species", "bins"]
FIELDS: dict[Purpose, str] = {"species": "species_similarity", "bins": "bin_similarity"}
SHORTEST, FEWEST = 2500, 10  # bp, contigs of a bin: as DNABERT-S evaluates binning
WINDOW_TOKENS = 2048  # of a contig: about 10 kb, the longest that DNABERT-S was trained on


def add_threshold_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --threshold and --labelled."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--threshold", type=cosine, metavar="COSINE", help="similarity that belongs together; default: the model's own"
    )
    either.add_argument(
        "--labelled", type=Path, metavar="FILE", help="choose it on these sequences, whose species are known"
    )


def cosine(text: str) -> float:
    """Read a number from -1 to 1.

    >>> cosine("0.9")
    0.9
    """
    if not -1 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"got {text}; a cosine is from -1 to 1")
    return float(text)


def find_threshold(
    args: argparse.Namespace,
    purpose: Purpose,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    options: dict[str, Any],
    shortest: int = 1,
) -> tuple[float, str]:
    """The threshold that the options ask for, and where it is from, for people.

    Args:
        args: Of `add_threshold_arguments` and `add_model_arguments`.
        purpose: What belongs together.
        model: As `embed` takes it.
        tokenizer: The model's.
        options: What else `embed` takes.
        shortest: bp that labelled sequences must have.

    Raises:
        ValueError: there is none.
    """
    if args.threshold is not None:
        return args.threshold, "as given"
    if args.labelled is not None:
        return choose_threshold(args.labelled, purpose, model, tokenizer, options, shortest)
    own = getattr(model.config, FIELDS[purpose])
    if own is None:
        raise ValueError(
            f"{args.model} has no {FIELDS[purpose]} in its config.json; give --threshold, or --labelled with "
            "sequences of known species to choose it on"
        )
    if options["dimensions"] is not None or options["both_strands"] not in (None, model.config.both_strands):
        raise ValueError(
            f"the {FIELDS[purpose]} of {args.model} holds for its vectors as they are; with --dimensions or "
            "--both_strands give --threshold, or --labelled"
        )
    return own, f"the {FIELDS[purpose]} of {args.model}"


def choose_threshold(
    path: Path,
    purpose: Purpose,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    options: dict[str, Any],
    shortest: int = 1,
    split: str | None = None,
) -> tuple[float, str]:
    """Choose the threshold on the sequences of a file, or a split of it, with a species and at least `shortest` bp.

    For bins, only species with at least `FEWEST` of those count.

    Raises:
        ValueError: none is left, or all are of one species.
    """
    entries = list_entries(path, split)
    named = [entry.species if entry.bp >= shortest else "" for entry in entries]
    fewest = FEWEST if purpose == "bins" else 1
    frequent = {name for name, count in Counter(named).items() if name and count >= fewest}
    if not frequent:
        raise ValueError(
            f"{path}: none of {len(entries):,} sequences is of a named species with {fewest:,} or more of at least "
            f"{shortest:,} bp; name species in a column species, or in headers as species=Genus epithet"
        )
    keep = [name in frequent for name in named]
    vectors = embed_entries(path, keep, model, tokenizer, options, split)
    species = np.array(named)[keep]
    basis = f"chosen on {len(species):,} sequences of {len(frequent):,} species of {path}"
    if purpose == "bins":
        return similarity_threshold(vectors, species), basis
    threshold, agreement = species_threshold(vectors, species)
    return threshold, f"{basis}, adjusted Rand index {agreement:.3f}"
