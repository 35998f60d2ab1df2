"""What every tokenizer of this package does before it cuts: the alphabet policy of `sequences.py`, on raw text.

DNABERT-2's tokenizer has no normalizer: a lower-case base, a gap and an IUPAC code are one [UNK] each. Given one, it
reads raw text as it reads cleaned text, so that a released folder gives the same vectors wherever it is loaded.
"""

from tokenizers import Regex, normalizers
from transformers import PreTrainedTokenizerFast

NO_LIMIT = int(1e30)  # transformers' way to say so; ALiBi has no limit, and sentence-transformers would cut at one


def alphabet_normalizer() -> normalizers.Normalizer:
    """Return `clean_sequence` as a normalizer, save that illegal characters pass.

    >>> alphabet_normalizer().normalize_str("acgu-RYN ACGT")
    'ACGTNNNACGT'
    """
    replacements = {r"[-.\s]": "", "a": "A", "c": "C", "g": "G", "[tuU]": "T"}
    replacements["[ryswkmbdhvnxRYSWKMBDHVX]"] = "N"
    return normalizers.Sequence([normalizers.Replace(Regex(old), new) for old, new in replacements.items()])


def apply_policy(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Give a tokenizer the alphabet policy if it has no normalizer, and lift its limit on length."""
    if tokenizer.backend_tokenizer.normalizer is None:
        tokenizer.backend_tokenizer.normalizer = alphabet_normalizer()
    tokenizer.model_max_length = NO_LIMIT
    return tokenizer
