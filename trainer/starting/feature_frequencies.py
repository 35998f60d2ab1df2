"""How often a model's words occur: sequences in, a sparse table of frequencies out.

Words are what has a row in the model's embeddings: k-mers where it has those (kmers.py), else tokens.
"""

import numpy as np
import torch
from scipy.sparse import csr_array
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseModel
from modeling_dnacse.kmers import NO_KMER, DnacseKmerEmbeddings
from modeling_dnacse.reading.sequences import reverse_complement

TOKENISED = 64  # sequences at once, for k-mers


def word_rows(model: DnacseModel, tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """The embeddings of a model's words (features, hidden): a view, to be counted or written to."""
    kmers = model.embeddings.kmer_embeddings
    return model.embeddings.word_embeddings.weight[: len(tokenizer)] if kmers is None else kmers.weight[NO_KMER + 1 :]


def count_tokens(tokenizer: PreTrainedTokenizerFast, sequences: list[str]) -> csr_array:
    """How often each token occurs in each sequence, special ones left out: (n, vocabulary)."""
    ids = tokenizer(sequences, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    return count([np.array(row, dtype=np.int64) for row in ids], len(tokenizer))


def count_kmers(tokenizer: PreTrainedTokenizerFast, sequences: list[str], kmers: DnacseKmerEmbeddings) -> csr_array:
    """How often each k-mer occurs in each sequence: (n, rows of the table but NO_KMER)."""
    found = []
    for start in range(0, len(sequences), TOKENISED):
        batch = tokenizer(sequences[start : start + TOKENISED], padding=True, return_tensors="pt")
        rows = kmers.rows(batch["input_ids"], batch["attention_mask"]).flatten(1).numpy()
        found += [row[row != NO_KMER] - 1 for row in rows]
    return count(found, len(kmers.weight) - 1)


def count(found: list[np.ndarray], features: int) -> csr_array:
    """Numbers of features found in each sequence to a table (n, features)."""
    ends = np.cumsum([0, *map(len, found)])
    table = csr_array((np.ones(ends[-1]), np.concatenate(found), ends), shape=(len(found), features))
    table.sum_duplicates()
    return table


def frequencies_of(model: DnacseModel, tokenizer: PreTrainedTokenizerFast, sequences: list[str]) -> csr_array:
    """How often the words of `word_rows` occur, by sequence: (n, features), each row of which sums to 1.

    K-mers where the model has embeddings of those, else tokens; of both strands, where its vectors are of both, the
    mean, which for k-mers is the same as of one.
    """
    kmers = model.embeddings.kmer_embeddings
    if kmers is not None:
        table = count_kmers(tokenizer, sequences, kmers)
    else:
        table = count_tokens(tokenizer, sequences)
        if model.config.both_strands:
            table = table + count_tokens(tokenizer, [reverse_complement(sequence) for sequence in sequences])
    return csr_array(table.multiply(1 / np.maximum(table.sum(1), 1)[:, None]))
