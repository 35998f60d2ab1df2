"""Sequences in, a sparse table of the frequencies of features in them out.

Features are what the model has embeddings for: k-mers if it has k-mer embeddings (kmers.py), else tokens.
"""

import numpy as np
import torch
from scipy.sparse import csr_array
from transformers import PreTrainedTokenizerFast

from ..kmers import NO_KMER, DnacseKmerEmbeddings
from ..modeling_dnacse import DnacseModel
from ..reading.sequences import reverse_complement

BATCH = 64  # sequences whose k-mers are counted at once


def feature_embeddings(model: DnacseModel, tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """The embeddings of the features (features, hidden), as a view: writing to it changes the model."""
    kmers = model.embeddings.kmer_embeddings
    return model.embeddings.word_embeddings.weight[: len(tokenizer)] if kmers is None else kmers.weight[NO_KMER + 1 :]


def count_tokens(tokenizer: PreTrainedTokenizerFast, sequences: list[str]) -> csr_array:
    """Counts of each token in each sequence, without special tokens: (n, vocabulary)."""
    ids = tokenizer(sequences, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    return count([np.array(row, dtype=np.int64) for row in ids], len(tokenizer))


def count_kmers(tokenizer: PreTrainedTokenizerFast, sequences: list[str], kmers: DnacseKmerEmbeddings) -> csr_array:
    """Counts of each k-mer in each sequence: (n, rows of the k-mer embeddings without NO_KMER)."""
    found = []
    for start in range(0, len(sequences), BATCH):
        batch = tokenizer(sequences[start : start + BATCH], padding=True, return_tensors="pt")
        rows = kmers.rows(batch["input_ids"], batch["attention_mask"]).flatten(1).numpy()
        found += [row[row != NO_KMER] - 1 for row in rows]
    return count(found, len(kmers.weight) - 1)


def count(found: list[np.ndarray], features: int) -> csr_array:
    """Count the features that were found in each sequence: (n, features)."""
    ends = np.cumsum([0, *map(len, found)])
    table = csr_array((np.ones(ends[-1]), np.concatenate(found), ends), shape=(len(found), features))
    table.sum_duplicates()
    return table


def frequencies_of(model: DnacseModel, tokenizer: PreTrainedTokenizerFast, sequences: list[str]) -> csr_array:
    """The share of each feature in each sequence: (n, features), in the order of `feature_embeddings`; rows sum to 1.

    If the model's vectors are means over both strands, so are the frequencies of tokens. Those of k-mers are the same
    on both strands anyway.
    """
    kmers = model.embeddings.kmer_embeddings
    if kmers is not None:
        table = count_kmers(tokenizer, sequences, kmers)
    else:
        table = count_tokens(tokenizer, sequences)
        if model.config.both_strands:
            table = table + count_tokens(tokenizer, [reverse_complement(sequence) for sequence in sequences])
    return csr_array(table.multiply(1 / np.maximum(table.sum(1), 1)[:, None]))
