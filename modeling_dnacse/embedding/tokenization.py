"""The alphabet policy of reading/sequences.py as the normalizer of a tokenizer, which is applied to raw text first.

DNABERT-2's tokenizer has no normalizer, so lower-case bases, gaps and IUPAC codes become [UNK]. With this normalizer,
raw and cleaned text give the same tokens, and a released folder gives the same vectors wherever it is loaded.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

SPECIAL_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")  # their ids are their positions
LETTERS = "ACGTN"
LETTER_IDS = np.zeros(256, np.int32)
LETTER_IDS[[ord(letter) for letter in LETTERS]] = np.arange(len(LETTERS)) + len(SPECIAL_TOKENS)
NO_LIMIT = int(1e30)  # how transformers writes it; ALiBi has no limit, and sentence-transformers would truncate


def alphabet_normalizer() -> normalizers.Normalizer:
    """Return `clean_sequence` as a normalizer; unlike it, the normalizer keeps illegal characters.

    >>> alphabet_normalizer().normalize_str("acgu-RYN ACGT")
    'ACGTNNNACGT'
    """
    replacements = {r"[-.\s]": "", "a": "A", "c": "C", "g": "G", "[tuU]": "T"}
    replacements["[ryswkmbdhvnxRYSWKMBDHVX]"] = "N"
    return normalizers.Sequence([normalizers.Replace(Regex(old), new) for old, new in replacements.items()])


def apply_alphabet_policy(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Add the alphabet policy to a tokenizer without a normalizer, and remove its length limit."""
    if tokenizer.backend_tokenizer.normalizer is None:
        tokenizer.backend_tokenizer.normalizer = alphabet_normalizer()
    tokenizer.model_max_length = NO_LIMIT
    return tokenizer


def letter_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with one token per letter, N included, for models that read single bases.

    >>> letter_tokenizer()("acgu-RN")["input_ids"]
    [1, 5, 6, 7, 8, 9, 9, 2]
    """
    vocabulary = {token: number for number, token in enumerate((*SPECIAL_TOKENS, *LETTERS))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, SPECIAL_TOKENS.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    names = {f"{token[1:-1].lower()}_token": token for token in SPECIAL_TOKENS}
    inputs = ["input_ids", "attention_mask"]
    return apply_alphabet_policy(
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            padding_side="right",
            model_input_names=inputs,
            clean_up_tokenization_spaces=False,
            **names,
        )
    )


class Ids:
    """Maps cleaned sequences to the token ids of a tokenizer, framed by [CLS] and [SEP], not truncated or padded.

    For a tokenizer with one token per letter it uses a table of 256 numbers instead of the tokenizer: a barcode then
    takes 3 instead of 300 microseconds.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Copy the Rust half of the tokenizer, so that callers may change theirs."""
        self.rust: Tokenizer = copy.deepcopy(tokenizer.backend_tokenizer)  # pyright: ignore[reportAttributeAccessIssue]
        self.rust.no_truncation()
        self.rust.no_padding()
        self.by_letter = self.rust.encode(LETTERS).ids == frame(LETTERS).tolist() and len(tokenizer) == len(
            SPECIAL_TOKENS
        ) + len(LETTERS)

    def __call__(self, sequences: Sequence[str]) -> list[np.ndarray]:
        """The ids of each sequence of A, C, G, T and N, (length,) int32."""
        if self.by_letter:
            return [frame(sequence) for sequence in sequences]
        return [np.asarray(encoding.ids, np.int32) for encoding in self.rust.encode_batch_fast(sequences)]


def frame(sequence: str) -> np.ndarray:
    """The ids of the letters of a cleaned sequence, framed by [CLS] and [SEP].

    >>> frame("ACN").tolist()
    [1, 5, 6, 9, 2]
    """
    ids = np.empty(len(sequence) + 2, np.int32)
    ids[0], ids[-1] = SPECIAL_TOKENS.index("[CLS]"), SPECIAL_TOKENS.index("[SEP]")
    LETTER_IDS.take(np.frombuffer(sequence.encode("ascii"), np.uint8), out=ids[1:-1])
    return ids


def check_tokens(config: Any, tokenizer: Any, name: str) -> None:
    """Check that a model has an embedding for each token, and that its tokens are those of its configuration, if any.

    Args:
        config: the DnacseConfig of the model.
        tokenizer: a tokenizer of transformers.
        name: what messages call the tokenizer.

    Raises:
        ValueError: the tokenizer is another model's.
    """
    ids = 1 + max(tokenizer.get_vocab().values(), default=0)
    if ids > config.vocab_size or tokenizer.pad_token_id != config.pad_token_id:
        raise ValueError(
            f"{name} has {ids} entries and pad id {tokenizer.pad_token_id}, the model "
            f"{config.vocab_size} and {config.pad_token_id}; give the tokenizer that it was trained with"
        )
    if config.vocabulary is not None and config.vocabulary != vocabulary_of(tokenizer):
        raise ValueError(
            f"the tokens of {name} are not those that the model was trained with; give the tokenizer that it was "
            "trained with"
        )


def vocabulary_of(tokenizer: PreTrainedTokenizerFast) -> str:
    """All tokens in the order of their ids, between spaces."""
    return " ".join(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
