"""The alphabet policy of reading/sequences.py as the normalizer of a tokenizer: what happens to raw text first.

DNABERT-2's tokenizer has no normalizer, so that a lower-case base, a gap or an IUPAC code becomes [UNK]. With this
normalizer it gives the same tokens for raw and for cleaned text, and a released folder gives the same vectors wherever
it is loaded.
"""

from tokenizers import Regex, normalizers
from transformers import PreTrainedTokenizerFast

NO_LIMIT = int(
    1e30
)  # transformers' value for "no limit": ALiBi needs none, and sentence-transformers would cut sequences at one


def alphabet_normalizer() -> normalizers.Normalizer:
    """Return `clean_sequence` as a normalizer, except that it lets illegal characters pass.

    >>> alphabet_normalizer().normalize_str("acgu-RYN ACGT")
    'ACGTNNNACGT'
    """
    replacements = {r"[-.\s]": "", "a": "A", "c": "C", "g": "G", "[tuU]": "T"}
    replacements["[ryswkmbdhvnxRYSWKMBDHVX]"] = "N"
    return normalizers.Sequence([normalizers.Replace(Regex(old), new) for old, new in replacements.items()])


def apply_alphabet_policy(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Give a tokenizer the alphabet policy if it has no normalizer, and lift its limit on length."""
    if tokenizer.backend_tokenizer.normalizer is None:
        tokenizer.backend_tokenizer.normalizer = alphabet_normalizer()
    tokenizer.model_max_length = NO_LIMIT
    return tokenizer
