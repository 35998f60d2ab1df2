"""Labelled sequences in, a similarity threshold chosen on them out.

| purpose | how the threshold is chosen |
|---|---|
| species | best agreement of average linkage with species (`species_threshold`) |
| bins | the 70th percentile rule (`similarity_threshold`) |

The labelled sequences should be of species that the model was not trained on, since most sequences that are clustered
are of such species. Sequences of the training species lie closer together.
"""

from collections import Counter
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from ..embedding.options import EmbedOptions
from .average_linkage import species_threshold
from .entries import Listing, embed_entries
from .k_medoid import similarity_threshold
from .purposes import FEWEST_CONTIGS, Purpose


def choose_threshold(
    listing: Listing,
    purpose: Purpose,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    options: EmbedOptions,
    shortest: int = 1,
) -> tuple[float, str]:
    """Choose the threshold on the sequences of a file that have a species and at least `shortest` bp.

    For bins, a species counts if it has at least `FEWEST_CONTIGS` such sequences.

    Args:
        listing: The file and its records.
        purpose: What the threshold is for.
        model: As `embed` takes it.
        tokenizer: The model's.
        options: How to embed the sequences.
        shortest: bp that a sequence must have.

    Returns:
        The threshold, and a phrase that says where it comes from, for messages.

    Raises:
        ValueError: no sequence is left, all are of one species, or no threshold tells species apart.
    """
    path, entries = listing.file.path, listing.entries
    named = [entry.species if entry.bp >= shortest else "" for entry in entries]
    fewest = FEWEST_CONTIGS if purpose == "bins" else 1
    frequent = {name for name, count in Counter(named).items() if name and count >= fewest}
    if not frequent:
        raise ValueError(
            f"{path}: none of {len(entries):,} sequences is of a named species with {fewest:,} or more of at least "
            f"{shortest:,} bp; name species in a column species, or in headers as species=Genus epithet"
        )
    keep = [name in frequent for name in named]
    vectors = embed_entries(listing, keep, model, tokenizer, options)
    species = np.array(named)[keep]
    origin = f"chosen on {len(species):,} sequences of {len(frequent):,} species of {path}"
    if purpose == "bins":
        return similarity_threshold(vectors, species), origin
    threshold, agreement = species_threshold(vectors, species)
    if agreement <= 0:
        raise ValueError(
            f"{path}: no similarity tells its {len(frequent):,} species apart (adjusted Rand index {agreement:.3f}); "
            "give sequences of species that differ"
        )
    return threshold, f"{origin}, adjusted Rand index {agreement:.3f}"
